#pragma once
// What follows from an answer or a failure of a fetch: where it may be sent on to, with what a file is gone on with, and
// when it is tried again. Decides only.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/random_source.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

struct sockaddr;

namespace corral::pull {

// What to do when a request for a file, or for the list of files, did not end well.

enum class trouble {
    status,      // an answer that is none of ours, by its status
    cut,         // the connection ended early, or never came about
    silence,     // nothing came for too long
    wrong_hash,  // all bytes are there, and they are others
};

struct bad_end {
    trouble what = trouble::cut;
    unsigned status = 0;                         // of an answer
    std::optional<core::seconds> retry_after{};  // as the server said
    bool progress = false;                       // bytes of the file came before
};

struct retry_limits {
    unsigned without_progress = 8;    // attempts one after another that brought nothing
    unsigned with_wrong_hash = 2;     // times the same file came whole and wrong
    core::seconds longest_wait{120};  // between two attempts, whatever a server asks for
    core::milliseconds first_wait{500};
};

// Of one file, or of the list.
struct retry_state {
    unsigned fruitless = 0;
    unsigned wrong = 0;
};

// How long to wait before the next attempt; nothing: give up.
[[nodiscard]] std::optional<core::milliseconds> next_attempt(retry_state& state, const bad_end& end,
                                                             core::random_source& random,
                                                             const retry_limits& limits = {});

// Why the hub refuses, for people. `error_code` is its field X-Error-Code.
[[nodiscard]] core::failure refusal(unsigned status, std::string_view error_code, const std::string& what,
                                    bool had_token);

// Where a file that lies here in part is gone on with, and whether an answer is the rest of it.

struct part_facts {
    std::uint64_t bytes = 0;            // that lie here
    std::optional<std::uint64_t> size;  // of the whole file, as listed
    std::string etag;                   // that came with these bytes; empty: not known
};

struct part_request {
    std::uint64_t from = 0;  // 0: all of it is asked for
    std::string if_range;    // empty: no condition
    bool complete = false;   // nothing is to be asked for: all bytes are here
    bool discard = false;    // what lies here is none of it
};

[[nodiscard]] part_request plan_part(const part_facts& part);

struct answer_facts {
    unsigned status = 0;
    std::string content_range;            // the field
    std::optional<std::uint64_t> length;  // of its body
};

struct answer_use {
    std::uint64_t from = 0;             // where its first byte belongs
    std::optional<std::uint64_t> size;  // of the whole file, as the answer says
};

// Fails with a sentence for an answer that is neither the file nor the rest that was asked for.
[[nodiscard]] core::result<answer_use> judge_answer(const part_facts& part, const part_request& request,
                                                    const answer_facts& answer);

struct content_range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> size;
    bool operator==(const content_range&) const = default;
};

// "bytes 5-9/10", "bytes 5-9/*"
[[nodiscard]] std::optional<content_range> parse_content_range(std::string_view text);

// Where a source may send us.

// Of a URL what a decision looks at.
struct url_parts {
    std::string scheme;  // "https", "http"
    std::string host;    // lower case, an IPv6 literal without brackets
    std::uint16_t port = 0;
    bool operator==(const url_parts&) const = default;
};

// Fails for what is neither http nor https, has no host, or a user or control characters.
[[nodiscard]] core::result<url_parts> parse_url(std::string_view text);

inline constexpr unsigned most_redirects = 5;

// Whether the answer number `hops` (from 1) of `source` may send us on to `to`.
[[nodiscard]] core::result<void> judge_redirect(const url_parts& source, const url_parts& to, unsigned hops);

enum class reach {
    open,     // the internet
    inside,   // this machine, this link or a private network: RFC 1918, 4193, 6598, 3927, 4291
    nowhere,  // unspecified, multicast, or no address of the internet at all
};

// Of a host that is written as an address, or is this machine by its name; `open` of every other name, for only its
// look-up tells. `host` in lower case, IPv6 without brackets.
[[nodiscard]] reach reach_of_host(const std::string& host) noexcept;

// Of an address that a name was resolved to; IPv4 in IPv6 counts as IPv4.
[[nodiscard]] reach reach_of(const ::sockaddr* address) noexcept;

// Whether a connection to an address may be made. `first`: the source's own host, which a person or the catalogue
// named. `source_reach` is where that led.
[[nodiscard]] bool may_connect(reach to, bool first, reach source_reach) noexcept;

}  // namespace corral::pull
