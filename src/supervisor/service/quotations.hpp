#pragma once
// What may be kept of standard error while a service serves. Prompts are not printed there, but exceptions quote what
// they could not read: nlohmann's "last read: '...'" holds the text of an answer, a Python error the value it met
// (docs/facts/vendor_ax.md#start-log, #failures, F8b). What is quoted may have many lines.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"

namespace corral::supervisor {

class quotations {
public:
    // A stray mark, or an exception that was survived, hides no more. Of a longer prompt its own words tell.
    static constexpr std::size_t most_hidden = 32UL * 1024;

    struct settings {
        // See meaning_of(); nullptr: no line is known.
        const std::vector<catalog::log_meaning>* known = nullptr;
        std::function<bool(std::string_view words)> quoted{};
        // See service_spec::words_in.
        std::function<std::size_t(std::string_view line)> words_in{};
    };
    quotations() = default;
    explicit quotations(settings with);
    // The next line without what is quoted in it, and of an exception's words only those of the system ("[Errno 28] No
    // space left on device"); nothing where it may be within a quotation, or such words, that began before it. Names of
    // files and functions of a traceback, types of exceptions and plain messages stay, but for
    // the words of a request, and what follows them.
    [[nodiscard]] std::optional<std::string> next(std::string_view line);

private:
    [[nodiscard]] bool is_of_program(std::string_view line) const;

    settings with_;
    char open_ = '\0';        // the mark of the quotation that a line left open, or an exception's words
    std::size_t hidden_ = 0;  // bytes since then
};

}  // namespace corral::supervisor
