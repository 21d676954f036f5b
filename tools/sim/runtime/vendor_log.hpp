#pragma once

#include <chrono>
#include <string>

// The vendor's log lines on stdout, byte for byte (docs/facts/vendor_ax.md#start-log). Nothing here flushes
// unless it says so: on a pipe stdout stays block-buffered, as in the original.
namespace corral::sim {

enum class log_level { info, warning, error, note };

// ESC[1;30;3Xm[L][<function, 32 wide>][<line, 4 wide>]: <text>ESC[0m\n
[[gnu::format(printf, 4, 5)]] void log_line(log_level level, const char* function, int line,
                                            const char* format, ...);

// Red and without a tag, as the tokenizer probe prints.
void log_bare_red(const std::string& text);

// The bar that the loader and /api/chat draw over itself; each update is flushed.
class progress_bar {
public:
    progress_bar(int total, const char* unit) : total_(total), unit_(unit), begin_(clock::now()) {}
    void update(int done, const std::string& label);

private:
    using clock = std::chrono::steady_clock;
    int total_;
    const char* unit_;
    clock::time_point begin_;
    int first_ = -1;
};

}  // namespace corral::sim
