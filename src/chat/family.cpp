#include "corral/chat/family.hpp"

#include <algorithm>
#include <bitset>

#include "chat/families/all.hpp"

namespace corral::chat {

const std::vector<const family*>& families() {
    static const std::vector<const family*> all{
        &chatml_family(),      &qwen2_5_family(), &qwen3_family(),     &qwen3_thinking_family(),
        &deepseek_r1_family(), &llama3_family(),  &llama3_0_family(),  &gemma_family(),
        &phi3_family(),        &phi4_family(),    &phi4_mini_family(), &smollm2_family(),
        &minicpm_family(),
    };
    return all;
}

const family* find_family(std::string_view name) {
    const auto& all = families();
    const auto found = std::ranges::find(all, name, &family::name);
    return found == all.end() ? nullptr : *found;
}

// Every place where a token starts in the original is broken. What comes out can't hold a token: tokens hold
// no space, so one would have to be an unbroken run of the original, and that run was broken. A plain space
// rather than an invisible character, because normalisers drop or fold those, and because a reader shall see
// that the text was changed.
std::string neutralise(const family& format, std::string_view text) {
    std::string out;
    out.reserve(text.size());
    std::bitset<256> may_start;  // so that a long text costs a look at each byte and no more
    for (const std::string_view token : format.control_tokens) {
        may_start.set(static_cast<unsigned char>(token.front()));
    }
    for (std::size_t at = 0; at < text.size(); ++at) {
        out += text[at];
        if (!may_start[static_cast<unsigned char>(text[at])]) {
            continue;
        }
        const auto rest = text.substr(at);
        const bool control = std::ranges::any_of(
            format.control_tokens, [&](std::string_view token) { return rest.starts_with(token); });
        if (control) {
            out += ' ';
        }
    }
    return out;
}

}  // namespace corral::chat
