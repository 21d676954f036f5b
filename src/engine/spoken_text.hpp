#pragma once
// What one request and its answer say, bounded, and made ready as it comes to be compared with what a runtime prints: a
// printed line must not cost a walk through all of it.

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace corral::engine {

// Letters and digits alone; all that is not ASCII counts as such.
[[nodiscard]] std::string bare(std::string_view text);

class spoken_text {
public:
    static constexpr std::size_t most_bytes = 256UL * 1024;

    void add(std::string_view text);
    // It is, or may be, longer than what is known of it.
    [[nodiscard]] bool is_cut() const noexcept { return taken_ >= most_bytes; }
    // Remembers how far it looked for each sign, of which there are few.
    [[nodiscard]] bool holds(std::string_view bare_sign);

private:
    struct search {
        std::size_t until = 0;  // of bare_; what follows is not searched yet
        bool found = false;
    };

    std::string bare_;
    std::size_t taken_ = 0;  // bytes of what bare_ was made of
    std::map<std::string, search, std::less<>> searches_;
};

}  // namespace corral::engine
