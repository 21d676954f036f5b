#pragma once
// Text that comes in pieces, broken between words at the width of a terminal. A word that has begun on a line and does
// not fit there is taken to the next one. No I/O.

#include <string>
#include <string_view>

namespace corral::cli {

class word_wrapper {
public:
    explicit word_wrapper(unsigned columns) : columns_(columns - 1) {}

    // What to print for it. Characters that would move or hide others are left out.
    [[nodiscard]] std::string take(std::string_view piece);

private:
    void put(std::string& out, std::string_view character, unsigned wide);

    unsigned columns_;  // the last column stays free: terminals differ in where a cursor stands behind it
    unsigned used_ = 0;
    std::string word_;
    unsigned word_wide_ = 0;
    std::string unfinished_;  // the beginning of a character
};

}  // namespace corral::cli
