#pragma once
// Bytes in pieces of any size in, whole UTF-8 characters out. Invalid bytes become U+FFFD, one for each
// longest start of a character, as browsers do it (core::next_utf8 takes an overlong form as one). Holds at most three bytes.

#include <string>
#include <string_view>

namespace corral::chat {

class utf8_assembler {
public:
    [[nodiscard]] std::string feed(std::string_view bytes);
    // An incomplete character becomes U+FFFD.
    [[nodiscard]] std::string finish();

private:
    void step(char byte, std::string& out);
    void begin(char byte, std::string& out);

    std::string pending_;   // of one character
    unsigned missing_ = 0;  // bytes of it
    // Range of the next byte. That of the second one excludes overlong forms and surrogates.
    unsigned char lowest_ = 0;
    unsigned char highest_ = 0;
};

}  // namespace corral::chat
