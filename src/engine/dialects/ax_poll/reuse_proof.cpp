#include "engine/dialects/ax_poll/reuse_proof.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"
#include "corral/core/state_format.hpp"
#include "corral/core/text.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr std::size_t longest_text = 4096;  // of a member
// Of `compare_after`: until a gap between two requests is enough, and until there must be none.
constexpr int spans_until_gaps = 6;
constexpr int spans_until_insisting = 12;
constexpr int gaps_in_a_span = 20;

std::string id_at(const token_ids& ids, std::size_t at) {
    return at < ids.size() ? std::to_string(ids[at]) : std::string("none");
}

}  // namespace

reuse_proof compare_answers(const std::vector<token_ids>& behind, const std::vector<token_ids>& anew,
                            std::string_view date) {
    const bool is_complete =
        !behind.empty() && behind.size() == anew.size() &&
        std::none_of(anew.begin(), anew.end(), [](const token_ids& one) { return one.empty(); });
    if (!is_complete) {
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

proof_pace pace_of_proof(core::nanoseconds open_for, core::nanoseconds compare_after, bool asked) {
    if (asked && open_for < compare_after * spans_until_gaps) {
        return {compare_after, false};
    }
    return {compare_after / gaps_in_a_span, open_for >= compare_after * spans_until_insisting};
}

std::string computing_parts::changed_since(const computing_parts& before) const {
    std::vector<std::string> out;
    for (const auto& [what, now, then] : {std::tuple{"the runtime's program", &runtime, &before.runtime},
                                          std::tuple{"the weights", &weights, &before.weights},
                                          std::tuple{"the card's type", &card, &before.card}}) {
        if (*now != *then) {
            out.emplace_back(what);
        }
    }
    return core::joined(out, " and ");
}

std::string text_of(const kept_proof& kept) {
    const bool equal = kept.proof.says == reuse_proof::verdict::equal;
    return nlohmann::json{{"format", proof_format},     {"equal", equal},
                          {"why", kept.proof.why},      {"package", kept.package},
                          {"runtime", kept.of.runtime}, {"weights", kept.of.weights},
                          {"card", kept.of.card}}
               .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
           "\n";
}

std::optional<kept_proof> proof_of(std::string_view text) {
    const nlohmann::json all = core::parse_json(text);
    if (!all.is_object() || core::is_newer_format(all, "format", proof_format)) {
        return std::nullopt;
    }
    const auto equal = all.find("equal");
    if (equal == all.end() || !equal->is_boolean()) {
        return std::nullopt;
    }
    kept_proof out;
    out.proof.says = equal->get<bool>() ? reuse_proof::verdict::equal : reuse_proof::verdict::different;
    for (const auto& [name, into] :
         {std::pair{"why", &out.proof.why}, std::pair{"package", &out.package},
          std::pair{"runtime", &out.of.runtime}, std::pair{"weights", &out.of.weights},
          std::pair{"card", &out.of.card}}) {
        const auto found = all.find(name);
        if (found == all.end() || !found->is_string()) {
            return std::nullopt;
        }
        *into = found->get_ref<const std::string&>();
        if ((into->empty() && into != &out.of.card) || into->size() > longest_text) {
            return std::nullopt;
        }
    }
    return out;
}

}  // namespace corral::engine::ax_poll
