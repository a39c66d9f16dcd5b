#include "gate/password_queue.hh"

#include <algorithm>

namespace becaused {

namespace {

bool same_address(const Endpoint& a, const Endpoint& b) {
    return a.kind == b.kind && a.address == b.address;
}

}  // namespace

// A worker may still be writing into a running job.
PasswordQueue::~PasswordQueue() { CHECK(running_ == 0); }

uint64_t PasswordQueue::join(const Digest& digest, const Endpoint& address) {
    for (const std::unique_ptr<PasswordJob>& job : jobs_) {
        if (job->digest != digest || !same_address(job->address, address)) continue;
        if (job->tickets.size() >= rules_.sharing) return 0;
        job->tickets.push_back(++last_ticket_);
        return last_ticket_;
    }
    return 0;
}

bool PasswordQueue::has_room(const Endpoint& address) const {
    const auto own = std::ranges::count_if(
        jobs_, [&](const auto& job) { return same_address(job->address, address); });
    return jobs_.size() < rules_.waiting && static_cast<size_t>(own) < rules_.per_address;
}

uint64_t PasswordQueue::add(std::unique_ptr<PasswordJob> job) {
    job->tickets.push_back(++last_ticket_);
    jobs_.push_back(std::move(job));
    return last_ticket_;
}

PasswordJob* PasswordQueue::next() {
    if (running_ >= rules_.running) return nullptr;
    const auto waiting = std::ranges::find(jobs_, false, &PasswordJob::running);
    if (waiting == jobs_.end()) return nullptr;
    (*waiting)->running = true;
    ++running_;
    return waiting->get();
}

std::unique_ptr<PasswordJob> PasswordQueue::finish(PasswordJob& job) {
    const auto found = std::ranges::find(jobs_, &job, &std::unique_ptr<PasswordJob>::get);
    CHECK(found != jobs_.end() && job.running);
    std::unique_ptr<PasswordJob> finished = std::move(*found);
    jobs_.erase(found);
    --running_;
    return finished;
}

void PasswordQueue::abandon(uint64_t ticket) {
    for (auto job = jobs_.begin(); job != jobs_.end(); ++job) {
        std::vector<uint64_t>& tickets = (*job)->tickets;
        const auto found = std::ranges::find(tickets, ticket);
        if (found == tickets.end()) continue;
        tickets.erase(found);
        if (tickets.empty() && !(*job)->running) jobs_.erase(job);
        return;
    }
}

}  // namespace becaused
