#include <iostream>

#include <unistd.h>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/terminal.hpp"

int main(int argc, char** argv) {
    const corral::cli::visible_stream out(std::cout);
    const corral::cli::visible_stream err(
        std::cerr, corral::cli::style_of(STDERR_FILENO, corral::cli::known_environment()));
    return corral::cli::run_command_line(argc, argv);
}
