// becaused: a reverse proxy whose connections never end without saying why.
#include "ops/command.hh"

int main(int argc, char** argv) { return becaused::command(argc, argv); }
