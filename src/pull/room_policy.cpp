#include "pull/room_policy.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "corral/core/say.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/pull/rate_meter.hpp"

namespace corral::pull {

namespace {

constexpr std::uint64_t block = 4096;
constexpr std::uint64_t rest = 64ULL * 1024 * 1024;

std::string could_go(std::vector<removable_package>& removable) {
    constexpr std::size_t most_named = 3;
    std::ranges::sort(removable, std::ranges::greater{}, &removable_package::bytes);
    std::string out;
    for (std::size_t i = 0; i < std::min(removable.size(), most_named); ++i) {
        out += (out.empty() ? "" : ", ") + package::shown(removable[i].folder) + " (" +
               bytes_text(removable[i].bytes) + ")";
    }
    return out.empty() ? std::string("; nothing that was pulled before could go, so make room by hand")
                       : "; what was pulled before and could go by 'corral rm --files': " + out;
}

}  // namespace

std::uint64_t room_needed(std::uint64_t bytes, std::size_t files) noexcept {
    return bytes + files * block + (bytes > 0 ? rest : 0);
}

core::result<void> judge_room(room_facts facts) {
    const std::uint64_t needed = room_needed(facts.needed, facts.files);
    if (facts.needed > 0 && needed > facts.free) {
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("pull.room/disk", facts.directory, bytes_text(facts.needed),
                                            bytes_text(needed - facts.needed), bytes_text(facts.free),
                                            bytes_text(needed - facts.free), could_go(facts.removable)));
    }
    if (facts.quota > 0 && facts.needed > facts.quota) {
        return core::make_failure(
            core::errc::limit_exceeded,
            core::say("pull.room/quota-small", bytes_text(facts.needed), bytes_text(facts.quota)));
    }
    if (facts.quota > 0 && facts.needed > 0 && facts.used + facts.needed > facts.quota) {
        return core::make_failure(
            core::errc::limit_exceeded,
            core::say("pull.room/quota", bytes_text(facts.needed), bytes_text(facts.used),
                      bytes_text(facts.quota), could_go(facts.removable)));
    }
    return {};
}

}  // namespace corral::pull
