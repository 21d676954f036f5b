#pragma once
// Bytes in any pieces in, whole UTF-8 characters out. What can't be UTF-8 becomes U+FFFD, one for each
// longest start of a character, as browsers do it. Holds at most three bytes.

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
    unsigned char lowest_ =
        0;  // range of the next one: the second byte's shuts out overlong forms and surrogates
    unsigned char highest_ = 0;
};

}  // namespace corral::chat
