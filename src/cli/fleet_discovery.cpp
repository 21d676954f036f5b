#include "cli/fleet_discovery.hpp"

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include "corral/package/bounded_program.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr core::seconds patience{60};  // with a server that knows no box any more
constexpr std::size_t longest_line = 500;

// Of libc's resolver; one for each look-up, so that a change of the system's servers is seen.
class resolver {
public:
    resolver() : good_(::res_ninit(&state_) == 0) {
        state_.retrans = 1;  // seconds
        state_.retry = 2;
    }
    ~resolver() {
        if (good_) {
            ::res_nclose(&state_);
        }
    }
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;

    [[nodiscard]] bool good() const { return good_; }

    // "ADDRESS:PORT" of IPv4, as the reader of the list holds.
    void ask_only(const std::string& server) {
        const std::size_t colon = server.rfind(':');
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(static_cast<std::uint16_t>(std::stoul(server.substr(colon + 1))));
        ::inet_pton(AF_INET, server.substr(0, colon).c_str(), &at.sin_addr);
        state_.nscount = 1;
        state_.nsaddr_list[0] = at;
    }

    // The bytes of the answer; empty: none came.
    [[nodiscard]] std::vector<std::uint8_t> ask_srv(const std::string& name) {
        std::vector<std::uint8_t> question(NS_PACKETSZ);
        const int length = ::res_nmkquery(&state_, ns_o_query, name.c_str(), ns_c_in, ns_t_srv, nullptr, 0,
                                          nullptr, question.data(), static_cast<int>(question.size()));
        std::vector<std::uint8_t> answer(NS_MAXMSG);
        const int got = length < 0 ? -1
                                   : ::res_nsend(&state_, question.data(), length, answer.data(),
                                                 static_cast<int>(answer.size()));
        answer.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return answer;
    }

private:
    struct __res_state state_ {};
    bool good_;
};

core::failure not_found_out(const std::string& who, const std::string& why) {
    return core::make_failure(core::errc::unavailable,
                              "can't find out which boxes " + who + " names: " + why);
}

// By the Avahi of this machine, which hears what boxes announce.
core::result<boxes::found_hosts> find_by_mdns() {
    constexpr std::chrono::seconds limit{10};  // a host that does not answer costs 5 s
    constexpr const char* advice = "; see that avahi-daemon runs here: systemctl status avahi-daemon";
    const auto end = package::run_bounded({.command = {"avahi-browse", "--parsable", "--resolve",
                                                       "--terminate", "--no-db-lookup", "_corral._tcp"},
                                           .variables = package::clean_variables(),
                                           .patience = limit});
    if (!end) {
        return not_found_out("mDNS",
                             "avahi-browse is not installed; sudo apt install avahi-daemon avahi-utils");
    }
    if (!end->whole) {
        return not_found_out("mDNS", "avahi-browse tells too much, or takes more than " +
                                         std::to_string(limit.count()) +
                                         " s; name the boxes by 'srv' instead");
    }
    if (end->status != 0) {
        return not_found_out("mDNS", "avahi-browse ends with an error" + std::string(advice));
    }
    return boxes::read_avahi_answer(end->output);
}

core::result<boxes::found_hosts> find_by_dns(const boxes::discovery& how) {
    resolver from;
    if (!from.good()) {
        return not_found_out(how.srv, "this system's resolver does not start; see /etc/resolv.conf");
    }
    if (!how.resolver.empty()) {
        from.ask_only(how.resolver);
    }
    const std::vector<std::uint8_t> answer = from.ask_srv(how.srv);
    if (answer.empty()) {
        return not_found_out(
            how.srv,
            how.resolver.empty()
                ? "each DNS server of this system is silent or refuses; see /etc/resolv.conf"
                : "the DNS server at " + how.resolver +
                      " is silent or refuses; see that it runs and has this name, or change 'resolver'");
    }
    auto found = boxes::read_srv_answer(answer);
    return found ? std::move(found) : not_found_out(how.srv, found.error().message);
}

}  // namespace

core::result<boxes::found_hosts> find_hosts(const boxes::discovery& how) {
    return how.srv.empty() ? find_by_mdns() : find_by_dns(how);
}

std::string names_no_box(const boxes::discovery& how) {
    if (how.srv.empty()) {
        return "no box announces itself by mDNS in this network; see that each has Avahi with a service "
               "_corral._tcp";
    }
    return "DNS knows no box by the name " + how.srv + "; see that its SRV records are there";
}

box_finder::box_finder(boxes::discovery how, core::seconds interval)
    : how_(std::move(how)),
      interval_(interval),
      thread_([this](const std::stop_token& over) { look_up(over); }) {}

box_finder::~box_finder() = default;  // the thread ends first, behind its look-up

std::optional<boxes::found_hosts> box_finder::latest() {
    std::unique_lock lock(guard_);
    changed_.wait(lock, [this] { return asked_; });
    return latest_;
}

void box_finder::look_up(const std::stop_token& over) {
    boxes::found_memory memory(patience, how_.srv.empty());
    std::string trouble;
    while (!over.stop_requested()) {
        const auto answer = find_hosts(how_);
        memory.take(answer, std::chrono::steady_clock::now());
        const std::string now = !answer           ? answer.error().message
                                : answer->empty() ? names_no_box(how_)
                                                  : std::string();
        if (std::exchange(trouble, now) != now) {
            if (now.empty()) {
                telemetry::log().info("{} names boxes again event=fleet.well",
                                      how_.srv.empty() ? "mDNS" : how_.srv);
            } else {
                telemetry::log().warn(
                    "the fleet has trouble: {}; boxes stay as they were found event=fleet.trouble",
                    telemetry::printable(now, longest_line));
            }
        }
        std::unique_lock lock(guard_);
        latest_ = memory.now();
        asked_ = true;
        changed_.notify_all();
        changed_.wait_for(lock, over, interval_, [] { return false; });
    }
}

}  // namespace corral::cli
