#include "engine/dialects/ax_poll/reuse_proof.hpp"

#include <algorithm>
#include <cstddef>

#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr std::size_t longest_why = 400;

std::string id_at(const token_ids& ids, std::size_t at) {
    return at < ids.size() ? std::to_string(ids[at]) : std::string("none");
}

}  // namespace

reuse_proof compare_answers(const std::vector<token_ids>& behind, const std::vector<token_ids>& anew,
                            std::string_view date) {
    const bool told =
        !behind.empty() && behind.size() == anew.size() &&
        std::none_of(anew.begin(), anew.end(), [](const token_ids& one) { return one.empty(); });
    if (!told) {
        return {reuse_proof::verdict::open, "The comparison on this box gave no answers."};
    }
    for (std::size_t turn = 0; turn < anew.size(); ++turn) {
        const token_ids& a = behind[turn];
        const token_ids& b = anew[turn];
        if (a == b) {
            continue;
        }
        const auto at = static_cast<std::size_t>(
            std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())),
                          b.begin())
                .first -
            a.begin());
        return {reuse_proof::verdict::different, "Token " + std::to_string(at + 1) + " of further turn " +
                                                     std::to_string(turn + 1) + " was " + id_at(a, at) +
                                                     " behind the cache and " + id_at(b, at) + " anew, on " +
                                                     std::string(date) + "."};
    }
    return {reuse_proof::verdict::equal,
            "This box answered the same behind its cache as anew, on " + std::string(date) + "."};
}

std::string text_of(const reuse_proof& proof) {
    const bool equal = proof.says == reuse_proof::verdict::equal;
    return nlohmann::json{{"equal", equal}, {"why", proof.why}}.dump(2) + "\n";
}

std::optional<reuse_proof> proof_of(std::string_view text) {
    const nlohmann::json all = core::parse_json(text);
    if (!all.is_object()) {
        return std::nullopt;
    }
    const auto equal = all.find("equal");
    const auto why = all.find("why");
    if (equal == all.end() || !equal->is_boolean() || why == all.end() || !why->is_string()) {
        return std::nullopt;
    }
    const std::string& said = why->get_ref<const std::string&>();
    if (said.empty() || said.size() > longest_why) {
        return std::nullopt;
    }
    return reuse_proof{equal->get<bool>() ? reuse_proof::verdict::equal : reuse_proof::verdict::different,
                       said};
}

}  // namespace corral::engine::ax_poll
