#include <iostream>

#include <malloc.h>
#include <unistd.h>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/chat/visible_stream.hpp"

int main(int argc, char** argv) {
    // Fixed, so that one large body does not teach the allocator to keep such sizes for ever.
    ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    const corral::cli::visible_stream out(std::cout);
    const corral::cli::visible_stream err(
        std::cerr, corral::cli::style_of(STDERR_FILENO, corral::cli::known_environment()));
    return corral::cli::run_command_line(argc, argv);
}
