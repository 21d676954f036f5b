#include <iostream>

#include <unistd.h>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/terminal.hpp"
#include "corral/core/say.hpp"

int main(int argc, char** argv) {
    const corral::cli::visible_stream out(std::cout);
    const corral::cli::visible_stream err(
        std::cerr, corral::cli::style_of(STDERR_FILENO, corral::cli::known_environment()));
    const int status = corral::cli::run_command_line(argc, argv);
    // A full disk may show only now, and who goes by the status must not take a part for the whole.
    if (status == corral::cli::succeeded && !std::cout.flush()) {
        std::cerr << "error: " << corral::core::say("command.not-written") << '\n';
        return corral::cli::failed;
    }
    return status;
}
