#pragma once
// Repairs JSON as small models break it, where there is only one way to read it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corral::chat {

enum class text_end {
    certain,    // the model wrote more behind the text
    maybe_cut,  // the text may have been longer
};

struct repaired_json {
    std::vector<std::string> values;  // objects and arrays
    bool completed = false;           // closing brackets were added at the end
};

// Repairs trailing commas, single quotes, Python's True, False and None, keys without quotes, raw line breaks
// and other control characters in strings, escapes that JSON does not know (the backslash stays), lone
// surrogates (U+FFFD), doubled braces, missing closing brackets and closing ones too many at the end. A text
// that may be cut gets no brackets behind a number, a comma or a key, for more may have been to come. A
// string without an end is never repaired. Nothing when something else is wrong; the result may still not be
// JSON (numbers are copied unchecked). Bounded in depth, and by the length of `text` in all else.
[[nodiscard]] std::optional<repaired_json> repair_json(std::string_view text, text_end end);

}  // namespace corral::chat
