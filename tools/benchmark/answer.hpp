#pragma once
// What a client saw of one answer.

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace corral::benchmark {

// At `ns` the client had `visible` bytes of text. Spaces do not count: a proxy may move them from one piece
// to the next without anybody seeing a difference.
struct mark {
    std::int64_t ns;
    std::size_t visible;
};

struct answer {
    std::int64_t sent_ns = 0;
    std::int64_t ended_ns = 0;
    std::vector<mark> marks;
};

inline std::size_t visible_bytes(std::string_view text) {
    std::size_t count = 0;
    for (const char c : text)
        if (std::isspace(static_cast<unsigned char>(c)) == 0) ++count;
    return count;
}

// Adds `text`, read at `ns`.
inline void note_text(answer& to, std::int64_t ns, std::string_view text) {
    const auto more = visible_bytes(text);
    if (more == 0) return;
    to.marks.push_back({ns, (to.marks.empty() ? 0 : to.marks.back().visible) + more});
}

}  // namespace corral::benchmark
