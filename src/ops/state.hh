// What one life of the process leaves to the next: at its start, reads the black box of the life before
// and makes the lines that it did not get to write; from then on keeps a box of its own. Says on standard
// error what it found.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ledger/black_box.hh"
#include "ledger/last_life.hh"
#include "ops/chain.hh"
#include "ops/demise.hh"
#include "ops/state_file.hh"
#include "ops/station.hh"
#include "proxy/settings.hh"

namespace becaused {

// Where the state of a service is kept that says nothing of it: what systemd gives it, what a person's
// session has, or /run/becaused.
std::string usual_state_directory();
// Of the socket beside the box that operators ask at; with a state directory of its own: becaused.admin.
inline constexpr std::string_view admin_suffix = ".admin";
std::string admin_path_beside(std::string_view box_path);
// Of a worker's box; `stem`: the path of all, without its suffix.
std::string worker_box(std::string_view stem, uint32_t number);

// What it means that there is none where nobody chose a place.
inline constexpr std::string_view no_black_box =
    "without a black box a kill leaves no records of what was open (--state DIR: another place)";
// Takes the place that the settings name, or the usual one, or one beside it.
Status take_state_place(const Settings& settings, StateFile& file);

class State {
  public:
    // `station`: a worker's, whose parent has taken the place; null: the only process.
    explicit State(const Station* station = nullptr) : station_(station) {}

    // `clients`: the most client connections at once. Failed: the settings ask for what cannot be had;
    // where they ask for nothing in particular, there is a warning and no box.
    // `chain`: null: lines are not chained.
    Status open(const Settings& settings, const Ledger& ledger, uint32_t clients, Chain* chain);
    // Null: off.
    BlackBox* box() { return box_.get(); }
    // Of the socket for operators; empty where there is no box.
    std::string admin_path() const;
    // Lines for the records that come before all others. They are in the box already.
    const std::vector<std::string>& left() const { return left_; }
    // The same, also where there is no journal for them.
    const std::vector<std::string>& found() const { return found_; }
    // What a worker's predecessor left open, and is told of now: the crew has served it, too.
    const PastFiled& cut() const { return cut_; }
    // After the last record was written, or given up: what is left then is the next life's.
    void close();

  private:
    Status find_place(const Settings& settings);
    void read_last_life(const StateFile& file, const Settings& settings, const Surroundings& now,
                        Chain* chain);
    void find_strays();
    Status begin_life(const Settings& settings, const Ledger& ledger, uint32_t clients,
                      const Surroundings& now);

    const Station* station_;
    StateFile file_;
    std::vector<std::unique_ptr<StateFile>> strays_;  // of processes that there are no more of
    std::unique_ptr<BlackBox> box_;
    std::vector<std::string> left_;
    std::vector<std::string> found_;
    PastFiled cut_;
};

}  // namespace becaused
