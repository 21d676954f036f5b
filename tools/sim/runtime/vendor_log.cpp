#include "runtime/vendor_log.hpp"

#include <cstdarg>
#include <cstdio>

namespace corral::sim {
namespace {

struct level_look {
    char letter;
    int colour;
};

level_look look_of(log_level level) {
    switch (level) {
        case log_level::info:
            return {'I', 32};
        case log_level::warning:
            return {'W', 33};
        case log_level::error:
            return {'E', 31};
        case log_level::note:
            return {'N', 35};
    }
    return {'I', 32};
}

}  // namespace

void log_line(log_level level, const char* function, int line, const char* format, ...) {
    const auto look = look_of(level);
    // One lock around the three calls: lines of two threads do not mix inside, as with the original's single
    // printf.
    flockfile(stdout);
    std::printf("\033[1;30;%dm[%c][%32s][%4d]: ", look.colour, look.letter, function, line);
    va_list args;
    va_start(args, format);
    std::vprintf(format, args);
    va_end(args);
    std::fputs("\033[0m\n", stdout);
    funlockfile(stdout);
}

void log_bare_red(const std::string& text) {
    std::printf("\033[1;30;31m%s\n\033[0m", text.c_str());
}

void progress_bar::update(int done, const std::string& label) {
    constexpr int width = 32;
    const double elapsed = std::chrono::duration<double>(clock::now() - begin_).count();
    const double share = static_cast<double>(done) / total_;
    if (first_ < 0) first_ = unit_ == std::string("token") ? done - 1 : 0;
    const int moved = done - first_;
    const double rate = elapsed > 0 ? moved / elapsed : 0;
    const double whole = rate > 0 ? total_ / rate : 0;  // the original shows the estimated total here
    std::string bar;
    const int full = static_cast<int>(share * width);
    for (int i = 0; i < full; ++i) bar += "\u2588";
    if (static_cast<int>(8 * (share * width - full)) > 0) bar += "\u2588";
    bar.append(static_cast<std::size_t>(width - full), ' ');
    std::printf("\033[1;30;33m\r%3d%% | %s | %3d / %3d [%2.2fs<%2.2fs, %2.2f %s/s] \033[1;30;32m%s\033[0m",
                static_cast<int>(share * 100), bar.c_str(), done, total_, elapsed, whole, rate, unit_,
                label.c_str());
    std::fflush(stdout);
}

}  // namespace corral::sim
