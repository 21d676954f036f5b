#include "pull/fetcher.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/version.hpp"

namespace corral::pull {

namespace {

using core::errc;
using core::make_failure;

constexpr long connect_seconds = 30;
constexpr long refusals = 400;  // statuses of a proxy that another attempt does not change ...
constexpr long failures = 500;  // ... and those that it may
constexpr long buffer_bytes = 256L * 1024;
constexpr std::size_t most_fields = 128;
constexpr std::size_t most_of_a_refusal = 64UL * 1024;

std::string address_text(const ::sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* from = nullptr;
    if (address->sa_family == AF_INET) {
        from = &reinterpret_cast<const ::sockaddr_in*>(address)->sin_addr;  // NOLINT: the kernel's way
    } else if (address->sa_family == AF_INET6) {
        from = &reinterpret_cast<const ::sockaddr_in6*>(address)->sin6_addr;  // NOLINT
    }
    const bool shown =
        from != nullptr && ::inet_ntop(address->sa_family, from, text.data(), text.size()) != nullptr;
    return shown ? std::string(text.data()) : std::string("no address of the internet");
}

// Where an answer sends us, as an absolute address; empty: nowhere.
std::string redirect_of(const curl_api& curl, CURL* handle, unsigned status) {
    constexpr std::array<unsigned, 5> kinds{301, 302, 303, 307, 308};
    char* address = nullptr;
    const bool redirects = std::ranges::find(kinds, status) != kinds.end() &&
                           curl.easy_getinfo(handle, CURLINFO_REDIRECT_URL, &address) == CURLE_OK;
    return redirects && address != nullptr ? std::string(address) : std::string();
}

core::failure leads_inside(const std::string& host, const std::string& address) {
    return make_failure(errc::refused, core::say("pull.led-elsewhere/leads-address", host, address));
}

// Between us and a host stands a proxy that does not let us through.
core::failure proxy_refuses(const std::string& host, long status) {
    constexpr long wants_password = 407;
    return make_failure(errc::refused, status == wants_password
                                           ? core::say("pull.proxy/password", host, status)
                                           : core::say("pull.proxy/closed", host, status));
}

}  // namespace

std::string socket_text(const ::sockaddr* address) {
    const auto port = address->sa_family == AF_INET6
                          ? reinterpret_cast<const ::sockaddr_in6*>(address)->sin6_port  // NOLINT
                          : reinterpret_cast<const ::sockaddr_in*>(address)->sin_port;   // NOLINT
    return address_text(address) + " " + std::to_string(ntohs(port));
}

std::vector<std::string> proxies_of_environment() {
    std::vector<std::string> out;
    for (const char* const name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
        const char* const value = ::secure_getenv(name);
        if (value == nullptr) {
            continue;
        }
        std::string_view text = value;
        if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
            text.remove_prefix(scheme + 3);
        }
        if (const auto user = text.rfind('@'); user != std::string_view::npos) {
            text.remove_prefix(user + 1);
        }
        text = text.substr(0, text.find('/'));
        const std::size_t colon = text.rfind(':');
        const bool has_port =
            colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
        const std::string port(has_port ? text.substr(colon + 1) : std::string_view("1080"));
        const std::string host(core::trimmed(text.substr(0, has_port ? colon : text.size()), "[]"));
        ::addrinfo* found = nullptr;
        if (::getaddrinfo(host.c_str(), port.c_str(), nullptr, &found) != 0) {
            continue;  // libcurl will say what is wrong with it
        }
        for (const ::addrinfo* one = found; one != nullptr; one = one->ai_next) {
            out.push_back(socket_text(one->ai_addr));
        }
        ::freeaddrinfo(found);
    }
    return out;
}

void rate_limiter::pay(std::size_t bytes, const std::atomic<bool>& stop) {
    if (limit_ == 0) {
        return;
    }
    const auto span = core::nanoseconds(
        static_cast<core::nanoseconds::rep>(static_cast<double>(bytes) * 1e9 / static_cast<double>(limit_)));
    core::steady_time until;
    {
        const std::lock_guard lock(guard_);
        free_at_ = std::max(free_at_, std::chrono::steady_clock::now()) + span;
        until = free_at_;
    }
    constexpr core::milliseconds step{100};
    while (!stop.load() && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(
            std::min<core::nanoseconds>(step, until - std::chrono::steady_clock::now()));
    }
}

std::string fetch_answer::field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
}

// What libcurl's callbacks share with the request that they belong to.
struct fetcher::exchange {
    fetcher* owner = nullptr;
    const fetch_sink* sink = nullptr;
    bool first = false;  // to the source's own host, as a person or the catalogue named it
    bool head = false;
    fetch_answer answer;
    std::optional<core::failure> fatal;
    std::string refused_address;
    std::size_t refusal_bytes = 0;
    bool begun = false;
    bool progress = false;
    bool enough = false;  // of a refusal's body
    CURLcode end = CURLE_OK;
    curl_slist* fields = nullptr;

    [[nodiscard]] bool good() const { return answer.status == 200 || answer.status == 206; }
    [[nodiscard]] bool begin() {
        if (begun || !good() || head) {
            return true;
        }
        begun = true;
        if (auto fine = sink->begin(answer); !fine) {
            fatal = fine.error();
            return false;
        }
        return true;
    }
    [[nodiscard]] bool take(std::string_view bytes) {
        if (!good()) {
            refusal_bytes += bytes.size();
            enough = refusal_bytes > most_of_a_refusal;
            return !enough;
        }
        if (!begin()) {
            return false;
        }
        if (auto fine = sink->take(bytes); !fine) {
            fatal = fine.error();
            return false;
        }
        progress = progress || !bytes.empty();
        owner->limiter_->pay(bytes.size(), *owner->place_->stop);
        return true;
    }
    void read_field(std::string_view line) {
        if (line.starts_with("HTTP/")) {
            answer = {};
            const std::size_t space = line.find(' ');
            const auto code =
                space == std::string_view::npos ? std::string_view() : line.substr(space + 1, 3);
            answer.status = core::whole_number<unsigned>(code).value_or(0);
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || answer.fields.size() >= most_fields) {
            return;
        }
        std::string name = core::lower_case(core::trimmed(line.substr(0, colon)));
        const std::string_view value = core::trimmed(line.substr(colon + 1));
        if (name == "content-length") {
            answer.length = core::whole_number<std::uint64_t>(value);
        }
        answer.fields.insert_or_assign(std::move(name), std::string(value));
    }

    // libcurl is C: nothing may be thrown through it.
    static std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* data) noexcept {
        auto* const one = static_cast<exchange*>(data);
        try {
            return one->take({bytes, size * count}) ? size * count : 0;
        } catch (const std::exception& error) {
            one->fatal = make_failure(errc::internal, core::reason::unlisted(error.what()));
            return 0;
        }
    }
    static std::size_t on_field(char* bytes, std::size_t size, std::size_t count, void* data) noexcept {
        auto* const one = static_cast<exchange*>(data);
        try {
            one->read_field(core::trimmed({bytes, size * count}));
        } catch (const std::exception& error) {
            one->fatal = make_failure(errc::internal, core::reason::unlisted(error.what()));
            return 0;
        }
        return size * count;
    }
    static int on_progress(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
        return static_cast<exchange*>(data)->owner->place_->stop->load() ? 1 : 0;
    }
    // Here, after the name was looked up, no trick with names helps any more.
    static curl_socket_t on_socket(void* data, curlsocktype, struct curl_sockaddr* to) noexcept {
        auto* const one = static_cast<exchange*>(data);
        try {
            if (!one->may_reach(&to->addr)) {
                one->refused_address = address_text(&to->addr);
                return CURL_SOCKET_BAD;
            }
        } catch (const std::exception& error) {
            one->fatal = make_failure(errc::internal, core::reason::unlisted(error.what()));
            return CURL_SOCKET_BAD;
        }
        return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    }
    [[nodiscard]] bool may_reach(const ::sockaddr* address) const {
        const auto& proxies = owner->place_->proxies;
        return may_connect(reach_of(address), first, owner->source_reach_) ||
               std::ranges::find(proxies, socket_text(address)) != proxies.end();
    }
};

fetcher::fetcher(const fetch_place& place, rate_limiter& limiter)
    : place_(&place),
      limiter_(&limiter),
      handle_(place.curl->easy_init()),
      source_reach_(reach_of_host(place.source.host)) {}

fetcher::~fetcher() {
    if (handle_ != nullptr) {
        place_->curl->easy_cleanup(handle_);
    }
}

void fetcher::prepare(exchange& one, const fetch_request& request, const std::string& url, bool own_host) {
    const curl_api& curl = *place_->curl;
    curl.easy_reset(handle_);  // connections stay
    const auto set = [&](CURLoption option, auto value) { (void)curl.easy_setopt(handle_, option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_BUFFERSIZE, buffer_bytes);
    set(CURLOPT_CONNECTTIMEOUT, connect_seconds);
    set(CURLOPT_LOW_SPEED_LIMIT, least_speed);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(place_->patience.count()));
    static const std::string agent = std::string("corral/") + version;
    set(CURLOPT_USERAGENT, agent.c_str());
    set(CURLOPT_WRITEFUNCTION, &exchange::on_bytes);
    set(CURLOPT_WRITEDATA, &one);
    set(CURLOPT_HEADERFUNCTION, &exchange::on_field);
    set(CURLOPT_HEADERDATA, &one);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &exchange::on_progress);
    set(CURLOPT_XFERINFODATA, &one);
    set(CURLOPT_OPENSOCKETFUNCTION, &exchange::on_socket);
    set(CURLOPT_OPENSOCKETDATA, &one);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's answer is not the source's
    if (!place_->certificates.empty()) {
        set(CURLOPT_CAINFO, place_->certificates.c_str());
    }
    if (request.head) {
        set(CURLOPT_NOBODY, 1L);
    }
    const auto add = [&](const std::string& field) {
        curl_slist* const longer = curl.slist_append(one.fields, field.c_str());
        one.fields = longer == nullptr ? one.fields : longer;
    };
    if (request.from > 0) {
        add("Range: bytes=" + std::to_string(request.from) + "-");
        if (!request.if_range.empty()) {
            add("If-Range: " + request.if_range);
        }
    }
    if (own_host && !place_->token.empty()) {
        add("Authorization: Bearer " + place_->token);
    }
    if (one.fields != nullptr) {
        set(CURLOPT_HTTPHEADER, one.fields);
    }
}

void fetcher::perform(exchange& one) {
    const curl_api& curl = *place_->curl;
    one.end = curl.easy_perform(handle_);
    curl.slist_free_all(std::exchange(one.fields, nullptr));
    char* address = nullptr;
    long port = 0;
    const bool known = curl.easy_getinfo(handle_, CURLINFO_PRIMARY_IP, &address) == CURLE_OK &&
                       curl.easy_getinfo(handle_, CURLINFO_PRIMARY_PORT, &port) == CURLE_OK &&
                       address != nullptr && *address != '\0';
    const bool by_proxy =
        known && std::ranges::find(place_->proxies, std::string(address) + " " + std::to_string(port)) !=
                     place_->proxies.end();
    // Where the proxy stands says nothing of the source, which may then lead us nowhere inside.
    if (one.first && known && !by_proxy) {
        source_reach_ = reach_of_host(address);
    }
}

fetch_end fetcher::get(const fetch_request& request, const fetch_sink& to) {
    fetch_end out;
    if (handle_ == nullptr) {
        out.fatal = make_failure(errc::internal, core::say("pull.library"));
        return out;
    }
    std::string url = request.url;
    for (unsigned hops = 0;; ++hops) {
        const auto parts = parse_url(url);
        if (!parts) {
            out.fatal = parts.error();
            return out;
        }
        if (hops > 0) {
            if (auto fine = judge_redirect(place_->source, *parts, hops); !fine) {
                out.fatal = fine.error();
                return out;
            }
            // Through a proxy an address that is written out is all that can be judged.
            if (!may_connect(reach_of_host(parts->host), false, source_reach_)) {
                out.fatal = leads_inside(place_->source.host, parts->host);
                return out;
            }
        }
        exchange one;
        one.owner = this;
        one.sink = &to;
        one.head = request.head;
        one.first = hops == 0 && parts->host == place_->source.host;
        prepare(one, request, url, *parts == place_->source);
        perform(one);
        std::string next = redirect_of(*place_->curl, handle_, one.answer.status);
        if (one.end != CURLE_OK && !one.enough) {
            next.clear();
        }
        if (next.empty()) {
            tell_end(one, parts->host, out);
            return out;
        }
        url = std::move(next);
    }
}

// Of the proxy's answer to CONNECT; 0: there was none.
long fetcher::proxy_status() const {
    long status = 0;
    (void)place_->curl->easy_getinfo(handle_, CURLINFO_HTTP_CONNECTCODE, &status);
    return status;
}

void fetcher::tell_end(exchange& one, const std::string& host, fetch_end& out) const {
    out.answer = one.answer;
    out.bad.status = one.answer.status;
    out.bad.progress = one.progress;
    if (place_->stop->load()) {
        out.stopped = true;
    } else if (one.fatal) {
        out.fatal = one.fatal;
    } else if (!one.refused_address.empty() && one.end == CURLE_COULDNT_CONNECT) {
        out.fatal = leads_inside(host, one.refused_address);
    } else if (one.end == CURLE_PEER_FAILED_VERIFICATION || one.end == CURLE_SSL_CACERT_BADFILE) {
        out.fatal = make_failure(errc::refused, core::say("pull.certificate/certificate-one", host));
    } else if (one.end == CURLE_OK || one.enough) {
        out.good = one.good() && one.begin();
        out.fatal = one.fatal;
        out.bad.what = trouble::status;
        curl_off_t wait = 0;  // by a number of seconds or a date
        if (place_->curl->easy_getinfo(handle_, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0) {
            out.bad.retry_after = core::seconds(wait);
        }
        out.error_code = one.answer.field("x-error-code");
    } else if (const long status = proxy_status(); status >= refusals && status < failures) {
        out.fatal = proxy_refuses(host, status);
    } else if (one.end == CURLE_COULDNT_RESOLVE_PROXY) {
        out.fatal = make_failure(errc::unavailable, core::say("pull.proxy/name-proxy"));
    } else {
        out.bad.what = one.end == CURLE_OPERATION_TIMEDOUT ? trouble::silence : trouble::cut;
        out.why = "'" + host + "': " + place_->curl->easy_strerror(one.end);
        if (status >= failures) {
            out.why += ", the proxy answered " + std::to_string(status);
        }
    }
}

}  // namespace corral::pull
