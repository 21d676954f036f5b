#include "corral/process/service_port.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace corral::process {
namespace {

// Always begins at the same place.
class fixed_random final : public core::random_source {
public:
    std::uint64_t next() override { return 4321; }
};

class held_port {
public:
    explicit held_port(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        held = ::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 &&
               ::listen(socket_, 1) == 0;
    }
    held_port(const held_port&) = delete;
    held_port& operator=(const held_port&) = delete;
    ~held_port() { ::close(socket_); }
    bool held = false;

private:
    int socket_;
};

TEST(service_port, is_none_that_the_kernel_gives_away_by_itself) {
    EXPECT_EQ(quiet_ports({32'768, 60'999}), (port_range{20'000, 32'767}));
    EXPECT_EQ(quiet_ports({15'000, 61'000}), (port_range{61'001, 65'535}));
    EXPECT_EQ(quiet_ports({1024, 65'535}), (port_range{1024, 65'535})) << "there is no such place";
    EXPECT_EQ(quiet_ports({21'000, 65'535}), (port_range{20'000, 20'999}));
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    port_range ephemeral;
    ASSERT_TRUE(file >> ephemeral.first >> ephemeral.last);
    core::system_random random;
    const auto port = promise_service_port(random);
    ASSERT_TRUE(port) << port.error().message;
    const port_range quiet = quiet_ports(ephemeral);
    EXPECT_GE(*port, quiet.first);
    EXPECT_LE(*port, quiet.last);
}

TEST(service_port, is_promised_once_and_never_one_that_is_held) {
    fixed_random random;
    const auto first = promise_service_port(random);
    const auto second = promise_service_port(random);
    ASSERT_TRUE(first && second);
    EXPECT_NE(*first, *second);
    const held_port other(static_cast<std::uint16_t>(*second + 1));
    if (!other.held) {
        GTEST_SKIP() << "somebody else has that port";
    }
    const auto third = promise_service_port(random);
    ASSERT_TRUE(third);
    EXPECT_GT(*third, *second + 1);
}

}  // namespace
}  // namespace corral::process
