#include "pull/fetch_policy.hpp"

#include <algorithm>

#include <netinet/in.h>
#include <sys/socket.h>
#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

using core::errc;
using core::make_failure;

constexpr unsigned unauthorized = 401;
constexpr unsigned forbidden = 403;
constexpr unsigned not_found = 404;
constexpr unsigned too_many_requests = 429;

// Answers that another attempt may change.
bool may_change(unsigned status) {
    constexpr unsigned request_timeout = 408;
    constexpr unsigned too_early = 425;
    constexpr unsigned server_errors = 500;
    constexpr unsigned not_implemented = 501;
    return status == request_timeout || status == too_early || status == too_many_requests ||
           (status >= server_errors && status != not_implemented);
}

errc reason_of(unsigned status) {
    if (status == unauthorized || status == forbidden) {
        return errc::refused;
    }
    return status == not_found ? errc::not_found : errc::unavailable;
}

const char* reason_text(unsigned status, std::string_view error_code, bool had_token) {
    if (status == unauthorized && !had_token) {
        return "it is not there, or not for everybody; see the name, and for a model that asks for consent "
               "put a "
               "token into 'token_file' of [pull]";
    }
    if (status == unauthorized || status == forbidden) {
        return error_code == "GatedRepo"
                   ? "its owner asks for consent; give it on the model's page at the hub, "
                     "then pull again"
                   : "the token does not open it; see whether the token of [pull] is still "
                     "good and may read this model";
    }
    if (status == not_found) {
        return error_code == "RevisionNotFound"
                   ? "it has no such branch, tag or commit; see its page for those "
                     "it has"
                   : "there is no such thing; see the name, and its page at the "
                     "source";
    }
    return status == too_many_requests ? "it was asked too often; pull again in an hour, "
                                         "or with a token"
                                       : "it has troubles of its own; pull again later";
}

}  // namespace

std::optional<core::milliseconds> next_attempt(retry_state& state, const bad_end& end,
                                               core::random_source& random, const retry_limits& limits) {
    if (end.what == trouble::status && !may_change(end.status)) {
        return std::nullopt;
    }
    if (end.what == trouble::wrong_hash) {
        if (++state.wrong >= limits.with_wrong_hash) {
            return std::nullopt;
        }
    } else {
        state.fruitless = end.progress ? 0 : state.fruitless + 1;
        if (state.fruitless >= limits.without_progress) {
            return std::nullopt;
        }
    }
    constexpr unsigned most_doublings = 16;
    const core::milliseconds ceiling(limits.longest_wait);
    const auto doubled = limits.first_wait * (1U << std::min(state.fruitless, most_doublings));
    core::milliseconds wait = std::min(ceiling, doubled);
    // Half of it is left to chance, so that many boxes don't come back as one.
    wait = wait / 2 + core::milliseconds(static_cast<core::milliseconds::rep>(
                          static_cast<double>(wait.count()) / 2 * random.unit()));
    if (end.retry_after) {
        wait = std::clamp(core::milliseconds(std::min(*end.retry_after, limits.longest_wait)), wait,
                          std::max(wait, ceiling));
    }
    return wait;
}

core::failure refusal(unsigned status, std::string_view error_code, const std::string& what, bool had_token) {
    return make_failure(reason_of(status), core::say("pull.refused/source-refuses", what, status,
                                                     reason_text(status, error_code, had_token)));
}

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

namespace {

using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;
using core::errc;
using core::make_failure;

struct network {
    std::uint32_t begin;
    unsigned bits;
    reach kind;
};

// Special blocks of IPv4 (RFC 6890).
constexpr network blocks[] = {
    {0x00000000, 8, reach::nowhere},  // this network
    {0x0A000000, 8, reach::inside},   // 10/8
    {0x64400000, 10, reach::inside},  // 100.64/10, of providers
    {0x7F000000, 8, reach::inside},   // loopback
    {0xA9FE0000, 16, reach::inside},  // link
    {0xAC100000, 12, reach::inside},  // 172.16/12
    {0xC0000000, 24, reach::inside},  // 192.0.0/24
    {0xC0A80000, 16, reach::inside},  // 192.168/16
    {0xC6120000, 15, reach::inside},  // benchmarks
    {0xE0000000, 3, reach::nowhere},  // multicast, reserved, broadcast
};

reach reach_of_v4(std::uint32_t value) noexcept {
    for (const network& one : blocks) {
        if ((value ^ one.begin) >> (32U - one.bits) == 0) {
            return one.kind;
        }
    }
    return reach::open;
}

reach reach_of_v6(const address_v6::bytes_type& bytes) noexcept {
    const auto v4_at = [&](std::size_t at) {
        return (std::uint32_t{bytes[at]} << 24U) | (std::uint32_t{bytes[at + 1]} << 16U) |
               (std::uint32_t{bytes[at + 2]} << 8U) | std::uint32_t{bytes[at + 3]};
    };
    const auto zeros = [&](std::size_t count) {
        return std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count),
                           [](unsigned char each) { return each == 0; });
    };
    constexpr std::size_t mapped = 12;  // where the IPv4 address of ::ffff:a.b.c.d begins
    if (zeros(10) && bytes[10] == 0xFF && bytes[11] == 0xFF) {
        return reach_of_v4(v4_at(mapped));
    }
    if (zeros(mapped)) {
        return zeros(15) && bytes[15] == 1 ? reach::inside
                                           : reach::nowhere;  // ::1; ::, and IPv4 in its old form
    }
    if (bytes[0] == 0x00 && bytes[1] == 0x64 && bytes[2] == 0xFF && bytes[3] == 0x9B) {
        return reach_of_v4(v4_at(mapped));  // NAT64
    }
    if (bytes[0] == 0x20 && bytes[1] == 0x02) {
        return reach_of_v4(v4_at(2));  // 6to4
    }
    if ((bytes[0] & 0xFEU) == 0xFC || (bytes[0] == 0xFE && (bytes[1] & 0x80U) == 0x80)) {
        return reach::inside;  // unique local; link and site
    }
    return (bytes[0] & 0xE0U) == 0x20 ? reach::open : reach::nowhere;  // 2000::/3 is all that is given out
}

bool is_loopback(const std::string& host) {
    if (host == "localhost") {
        return true;
    }
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    return !error && address.is_loopback();
}

}  // namespace

core::result<url_parts> parse_url(std::string_view text) {
    constexpr std::size_t longest = 16 * 1024;  // signed addresses of storage hosts are long
    const auto bad = [] { return make_failure(errc::invalid, core::say("pull.name")); };
    if (text.size() > longest) {
        return bad();
    }
    const auto read = boost::urls::parse_uri(text);
    if (!read || (read->scheme() != "https" && read->scheme() != "http") || read->has_userinfo()) {
        return bad();
    }
    url_parts out;
    out.scheme = std::string_view(read->scheme().data(), read->scheme().size());
    out.host = core::lower_case(read->host_address());
    constexpr std::uint16_t usual_tls = 443;
    constexpr std::uint16_t usual_plain = 80;
    out.port = out.scheme == "https" ? usual_tls : usual_plain;
    if (read->has_port() && !read->port().empty()) {
        const std::string_view port(read->port().data(), read->port().size());
        out.port = core::whole_number<std::uint16_t>(port).value_or(0);
    }
    if (out.host.empty() || out.port == 0) {
        return bad();
    }
    return out;
}

core::result<void> judge_redirect(const url_parts& source, const url_parts& to, unsigned hops) {
    if (hops > most_redirects) {
        return make_failure(errc::refused,
                            core::say("pull.led-elsewhere/sends-from", source.host, most_redirects));
    }
    const bool plain_source = source.scheme == "http" || is_loopback(source.host);
    if (to.scheme != "https" && !plain_source) {
        return make_failure(errc::refused,
                            core::say("pull.led-elsewhere/sends-without", source.host, to.host));
    }
    return {};
}

reach reach_of_host(const std::string& host) noexcept {
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    if (error) {
        return host == "localhost" || host.ends_with(".localhost") ? reach::inside : reach::open;
    }
    return address.is_v4() ? reach_of_v4(address.to_v4().to_uint()) : reach_of_v6(address.to_v6().to_bytes());
}

reach reach_of(const ::sockaddr* address) noexcept {
    if (address->sa_family == AF_INET) {
        // The kernel's way to hand addresses over.
        const auto* const v4 = reinterpret_cast<const ::sockaddr_in*>(address);  // NOLINT
        return reach_of_v4(ntohl(v4->sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        const auto* const v6 = reinterpret_cast<const ::sockaddr_in6*>(address);  // NOLINT
        address_v6::bytes_type bytes{};
        std::copy(std::begin(v6->sin6_addr.s6_addr), std::end(v6->sin6_addr.s6_addr), bytes.begin());
        return reach_of_v6(bytes);
    }
    return reach::nowhere;
}

bool may_connect(reach to, bool first, reach source_reach) noexcept {
    if (to == reach::nowhere) {
        return false;
    }
    return first || to == reach::open || source_reach == reach::inside;
}

}  // namespace corral::pull
