#pragma once
// The last look at what the program prints, whichever command does: see telemetry::printable_page.

#include <ostream>
#include <streambuf>
#include <string>

namespace corral::cli {

// Stands before the buffer of `stream` while it lives.
class visible_stream final : public std::streambuf {
public:
    explicit visible_stream(std::ostream& stream);
    visible_stream(const visible_stream&) = delete;
    visible_stream& operator=(const visible_stream&) = delete;
    ~visible_stream() override;

protected:
    int_type overflow(int_type letter) override;
    std::streamsize xsputn(const char* text, std::streamsize length) override;
    int sync() override;

private:
    bool write_out(bool all);

    std::ostream& stream_;
    std::streambuf* below_;
    std::string held_;
};

}  // namespace corral::cli
