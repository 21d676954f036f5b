#include "pull/resume_policy.hpp"

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

core::failure lies(const std::string& what) {
    return core::make_failure(core::errc::protocol, core::say("pull.lies/source-sends", what));
}

}  // namespace

part_request plan_part(const part_facts& part) {
    part_request out;
    if (part.size && part.bytes == *part.size) {
        out.complete = true;
    } else if (part.size && part.bytes > *part.size) {
        out.discard = true;
    } else if (part.bytes > 0) {
        out.from = part.bytes;
        // A weak one promises too little (RFC 9110, 13.1.5); the file's checksum decides in the end anyway.
        out.if_range = part.etag.starts_with("W/") ? std::string() : part.etag;
    }
    return out;
}

std::optional<content_range> parse_content_range(std::string_view text) {
    constexpr std::string_view unit = "bytes ";
    if (!text.starts_with(unit)) {
        return std::nullopt;
    }
    text.remove_prefix(unit.size());
    const std::size_t dash = text.find('-');
    const std::size_t slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) {
        return std::nullopt;
    }
    const auto first = core::whole_number<std::uint64_t>(text.substr(0, dash));
    const auto last = core::whole_number<std::uint64_t>(text.substr(dash + 1, slash - dash - 1));
    const std::string_view size = text.substr(slash + 1);
    const auto whole = core::whole_number<std::uint64_t>(size);
    if (!first || !last || *last < *first || (size != "*" && (!whole || *last >= *whole))) {
        return std::nullopt;
    }
    return content_range{*first, *last, whole};
}

core::result<answer_use> judge_answer(const part_facts& part, const part_request& request,
                                      const answer_facts& answer) {
    constexpr unsigned ok = 200;
    constexpr unsigned partial = 206;
    answer_use out;
    if (answer.status == ok) {
        out.size = answer.length;
    } else if (answer.status == partial) {
        const auto range = parse_content_range(answer.content_range);
        if (!range || range->first != request.from) {
            return lies("another part of the file than was asked for");
        }
        if (answer.length && *answer.length != range->last - range->first + 1) {
            return lies("a part of another length than it says");
        }
        out = {range->first, range->size};
    } else {
        return lies("an answer with the status " + std::to_string(answer.status));
    }
    if (part.size && out.size && *out.size != *part.size) {
        return lies("a file of another length than its list says");
    }
    return out;
}

}  // namespace corral::pull
