// becaused: a reverse proxy whose connections never end without saying why.
#include "ops/command.hh"
#include "ops/names.hh"

int main(int argc, char** argv) {
    becaused::settle_names();
    return becaused::command(argc, argv);
}
