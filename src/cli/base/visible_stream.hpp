#pragma once
// The last look at what the program prints, whichever command does: see telemetry::printable_page.

#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

#include "cli/base/terminal.hpp"

namespace corral::cli {

// Stands before the buffer of `stream` while it lives.
class visible_stream final : public std::streambuf {
public:
    explicit visible_stream(std::ostream& stream);
    // Of prose for people: on a terminal its lines are broken between words, and begin with "error:" and the like in
    // colour. Lines go as a whole; what has no end yet goes when it is flushed.
    visible_stream(std::ostream& stream, const text_style& style);
    visible_stream(const visible_stream&) = delete;
    visible_stream& operator=(const visible_stream&) = delete;
    ~visible_stream() override;

protected:
    int_type overflow(int_type letter) override;
    std::streamsize xsputn(const char* text, std::streamsize length) override;
    int sync() override;

private:
    bool write_out(bool all);
    [[nodiscard]] std::string dressed(std::string_view text) const;

    std::ostream& stream_;
    std::streambuf* below_;
    std::string held_;
    text_style style_;
};

}  // namespace corral::cli
