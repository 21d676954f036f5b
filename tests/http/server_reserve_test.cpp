// Places that are kept for this machine itself.

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/wake_signal.hpp"
#include "live_server.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// An address that counts as another machine's: in a network of this thread's own where that is allowed, else one of
// this machine's. What goes to it leaves nothing either way.
class foreign_address {
public:
    foreign_address() : before_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
        if (before_.valid() && ::unshare(CLONE_NEWNET) == 0) {
            own_network_ = true;
            text_ = give_loopback("10.9.8.7") ? "10.9.8.7" : "";
        } else {
            text_ = of_an_interface();
        }
    }
    foreign_address(const foreign_address&) = delete;
    foreign_address& operator=(const foreign_address&) = delete;
    ~foreign_address() {
        if (own_network_) {
            EXPECT_EQ(::setns(before_.get(), CLONE_NEWNET), 0);
        }
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    static bool give_loopback(const char* address) {
        const core::owned_fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq up{};
        std::strcpy(up.ifr_name, "lo");
        up.ifr_flags = IFF_UP;
        ifreq more{};
        std::strcpy(more.ifr_name, "lo:1");
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = ::inet_addr(address);
        std::memcpy(&more.ifr_addr, &at, sizeof at);
        return ::ioctl(socket.get(), SIOCSIFFLAGS, &up) == 0 &&
               ::ioctl(socket.get(), SIOCSIFADDR, &more) == 0;
    }
    static std::string of_an_interface() {
        std::string out;
        ifaddrs* all = nullptr;
        static_cast<void>(::getifaddrs(&all));
        for (const ifaddrs* each = all; each != nullptr && out.empty(); each = each->ifa_next) {
            if (each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET &&
                (each->ifa_flags & (IFF_LOOPBACK | IFF_UP)) == IFF_UP) {
                std::array<char, INET_ADDRSTRLEN> text{};
                const auto* const at = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
                out = ::inet_ntop(AF_INET, &at->sin_addr, text.data(), text.size());
            }
        }
        ::freeifaddrs(all);
        return out;
    }

    core::owned_fd before_;
    bool own_network_ = false;
    std::string text_;
};

constexpr std::size_t most = 192;
constexpr std::size_t reserved = 16;
const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

core::awaitable<void> answer(const request& incoming, response_writer& out) {
    if (incoming.path == "/long") {
        constexpr core::nanoseconds pause = std::chrono::minutes{10};
        co_await core::sleep_for(pause);
    }
    response whole;
    whole.body = "served";
    co_await out.send(std::move(whole));
}

class server_reserve : public ::testing::Test {
protected:
    server_reserve() {
        server_options options;
        options.max_connections = most;
        if (!other.text().empty()) {
            live.emplace(answer, options, std::nullopt, other.text());
        }
    }
    void SetUp() override {
        if (!live) {
            GTEST_SKIP() << "this machine has no address but loopback";
        }
    }
    raw_client foreigner() { return raw_client(live->second_port(), 0, other.text().c_str()); }
    // As many as there is room for, each with `text` sent.
    std::vector<raw_client> crowd(const std::string& text) {
        std::vector<raw_client> all;
        for (std::size_t i = 0; i < most - reserved; ++i) {
            all.push_back(foreigner());
            EXPECT_TRUE(all.back().send(text));
        }
        return all;
    }

    foreign_address other;
    std::optional<live_server> live;
};

TEST_F(server_reserve, where_others_are_at_work_at_every_place_this_machine_still_gets_in) {
    const std::vector<raw_client> busy = crowd("GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return live->stats().exchanges == most - reserved; }));
    raw_client turned_away = foreigner();
    turned_away.send(get);
    EXPECT_THAT(turned_away.read_until("connections"), StartsWith("HTTP/1.1 503 "));
    std::vector<raw_client> own;
    for (std::size_t i = 0; i < reserved; ++i) {
        own.push_back(live->connect());
        own.back().send(get);
        EXPECT_THAT(own.back().read_until("served"), HasSubstr("served")) << i;
    }
}

TEST_F(server_reserve, idle_ones_of_others_at_every_place_keep_nobody_out) {
    const std::vector<raw_client> idle = crowd("");
    std::vector<raw_client> more;
    for (int i = 0; i < 200; ++i) {
        more.push_back(foreigner());
    }
    for (int i = 0; i < 40; ++i) {
        raw_client own = live->connect();
        own.send(get);
        EXPECT_THAT(own.read_until("served"), HasSubstr("served")) << i;
    }
    raw_client polite = foreigner();
    polite.send(get);
    EXPECT_THAT(polite.read_until("served"), HasSubstr("served"));
    EXPECT_LE(live->stats().connections, most);
}

}  // namespace
}  // namespace corral::http::test
