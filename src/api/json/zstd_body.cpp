#include "api/json/zstd_body.hpp"

#include <algorithm>

#include <zstd.h>
#include <zstd_errors.h>

#include "corral/core/say.hpp"

namespace corral::api {

namespace {

// As the body says, or a guess.
std::size_t first_room(std::string_view body, std::size_t most) {
    constexpr std::size_t least = 64 * 1024;
    constexpr std::size_t usual_ratio = 4;
    const unsigned long long said = ZSTD_getFrameContentSize(body.data(), body.size());
    const bool known = said != ZSTD_CONTENTSIZE_UNKNOWN && said != ZSTD_CONTENTSIZE_ERROR;
    const std::size_t wanted = known ? static_cast<std::size_t>(std::min<unsigned long long>(said, most))
                                     : body.size() * usual_ratio;
    return std::clamp(wanted, std::min(least, most), most);
}

}  // namespace

// In one call, which keeps no window beside the text. Where the room was too small it begins again with twice as much.
core::result<std::string> unpack_zstd(std::string_view body, std::size_t most, http::memory_charge* memory) {
    std::string out;
    std::size_t paid = 0;
    for (std::size_t room = first_room(body, most);; room = std::min(most, room * 2)) {
        if (memory != nullptr && !memory->take(room - paid)) {
            return core::make_failure(core::errc::unavailable, core::say("request.no-memory"));
        }
        paid = room;
        out.resize(room);
        const std::size_t size = ZSTD_decompress(out.data(), out.size(), body.data(), body.size());
        if (ZSTD_isError(size) == 0U) {
            out.resize(size);
            return out;
        }
        if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
            return core::make_failure(
                core::errc::invalid, core::say("request.bad-encoding/request-body", ZSTD_getErrorName(size)));
        }
        if (room >= most) {
            return core::make_failure(core::errc::limit_exceeded,
                                      core::say("request.unpacked-too-large/request-body", most));
        }
    }
}

}  // namespace corral::api
