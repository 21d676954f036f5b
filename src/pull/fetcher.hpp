#pragma once
// One request after another, over redirects that redirect_policy allows, by libcurl. Blocks; a thread of its own each.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <curl/curl.h>

#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "pull/fetch_policy.hpp"

namespace corral::pull {

// libcurl, loaded where something is fetched and nowhere else: the daemon is spared the thirty libraries that it needs.
struct curl_api {
    decltype(&::curl_global_init) global_init = nullptr;
    decltype(&::curl_easy_init) easy_init = nullptr;
    decltype(&::curl_easy_setopt) easy_setopt = nullptr;
    decltype(&::curl_easy_perform) easy_perform = nullptr;
    decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
    decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
    decltype(&::curl_easy_reset) easy_reset = nullptr;
    decltype(&::curl_easy_strerror) easy_strerror = nullptr;
    decltype(&::curl_slist_append) slist_append = nullptr;
    decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

// Once, before the first thread; it stays loaded. Fails with a sentence where it is not installed.
[[nodiscard]] core::result<const curl_api*> load_curl();

inline constexpr long least_speed = 256;  // bytes a second over `patience`; less counts as silence

// What all fetchers of a pull share.
struct fetch_place {
    const curl_api* curl = nullptr;
    url_parts source;                  // the hub, or the folder's host
    std::string token;                 // for that host alone; empty: none
    std::string certificates;          // file of them; empty: the system's
    std::vector<std::string> proxies;  // addresses and ports of them, as socket_text() writes them
    core::seconds patience{60};        // with a source that sends nothing
    std::uint64_t speed_limit = 0;     // bytes a second of all together; 0: none
    const std::atomic<bool>* stop = nullptr;
    std::function<void()> waits{};  // called several times a second before another attempt at a list
};

// Shares a rate between threads.
class rate_limiter {
public:
    explicit rate_limiter(std::uint64_t bytes_a_second) : limit_(bytes_a_second) {}
    // Waits until so many bytes may have come, in steps, and no longer than `stop` is false.
    void pay(std::size_t bytes, const std::atomic<bool>& stop);

private:
    std::uint64_t limit_;
    std::mutex guard_;
    core::steady_time free_at_{};
};

struct fetch_request {
    std::string url;
    std::uint64_t from = 0;  // 0: all
    std::string if_range;
    bool head = false;
};

struct fetch_answer {
    unsigned status = 0;
    std::map<std::string, std::string> fields;  // names in lower case
    std::optional<std::uint64_t> length;        // of the body
    [[nodiscard]] std::string field(const std::string& name) const;
};

// Where a good answer (200, 206) goes.
struct fetch_sink {
    std::function<core::result<void>(const fetch_answer&)> begin;  // before its first byte
    std::function<core::result<void>(std::string_view bytes)> take;
};

struct fetch_end {
    bool good = false;                   // a good answer came to its end
    bool stopped = false;                // a stop was requested
    std::optional<core::failure> fatal;  // another attempt changes nothing: the sink's, or a rule's
    bad_end bad;                         // else: why it is not good
    std::string error_code;              // X-Error-Code of a refusal
    std::string why;                     // for people, of a cut connection
    fetch_answer answer;
};

class fetcher {
public:
    // `place` and `limiter` outlive it.
    fetcher(const fetch_place& place, rate_limiter& limiter);
    fetcher(const fetcher&) = delete;
    fetcher& operator=(const fetcher&) = delete;
    ~fetcher();

    [[nodiscard]] fetch_end get(const fetch_request& request, const fetch_sink& to);

private:
    struct exchange;
    void prepare(exchange& one, const fetch_request& request, const std::string& url, bool own_host);
    void perform(exchange& one);
    [[nodiscard]] long proxy_status() const;
    void tell_end(exchange& one, const std::string& host, fetch_end& out) const;

    const fetch_place* place_;
    rate_limiter* limiter_;
    CURL* handle_ = nullptr;
    reach source_reach_ = reach::open;
};

// "192.0.2.1 80", for comparison.
[[nodiscard]] std::string socket_text(const ::sockaddr* address);
// Where the proxies of the environment's variables are, looked up once.
[[nodiscard]] std::vector<std::string> proxies_of_environment();

}  // namespace corral::pull
