#include "corral/process/service_port.hpp"

#include <fstream>
#include <utility>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace corral::process {
namespace {

// Always begins at the same place.
class fixed_random final : public core::random_source {
public:
    explicit fixed_random(std::uint64_t value) : value_(value) {}
    std::uint64_t next() override { return value_; }

private:
    std::uint64_t value_;
};

port_range quiet_here() {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    port_range ephemeral;
    EXPECT_TRUE(file >> ephemeral.first >> ephemeral.last);
    return quiet_ports(ephemeral);
}

// A listener on the first port of `among` that can be had.
class held_port {
public:
    explicit held_port(port_range among) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        for (number = among.first; number < among.last && !hold(); ++number) {
        }
    }
    held_port(const held_port&) = delete;
    held_port& operator=(const held_port&) = delete;
    ~held_port() { ::close(socket_); }
    std::uint16_t number = 0;

private:
    [[nodiscard]] bool hold() const {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(number);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return ::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 &&
               ::listen(socket_, 1) == 0;
    }
    int socket_;
};

TEST(service_port, is_none_that_the_kernel_gives_away_by_itself) {
    EXPECT_EQ(quiet_ports({32'768, 60'999}), (port_range{20'000, 32'767}));
    EXPECT_EQ(quiet_ports({15'000, 61'000}), (port_range{61'001, 65'535}));
    EXPECT_EQ(quiet_ports({1024, 65'535}), (port_range{1024, 65'535})) << "there is no such place";
    EXPECT_EQ(quiet_ports({21'000, 65'535}), (port_range{20'000, 20'999}));
    core::system_random random;
    const auto port = service_port::promise(random);
    ASSERT_TRUE(port) << port.error().message;
    const port_range quiet = quiet_here();
    EXPECT_GE(port->number(), quiet.first);
    EXPECT_LE(port->number(), quiet.last);
}

TEST(service_port, is_promised_once_and_never_one_that_is_held) {
    const port_range quiet = quiet_here();
    const held_port other(quiet);
    ASSERT_LT(other.number, quiet.last);
    fixed_random at_that(static_cast<std::uint64_t>(other.number - quiet.first));
    const auto first = service_port::promise(at_that);
    const auto second = service_port::promise(at_that);
    ASSERT_TRUE(first && second);
    EXPECT_GT(first->number(), other.number);
    EXPECT_GT(second->number(), first->number());
}

// The number of a promise, or 0.
std::uint16_t promise_at(port_range quiet, std::uint16_t wanted) {
    fixed_random there(static_cast<std::uint64_t>(wanted - quiet.first));
    const auto got = service_port::promise(there);
    return got ? got->number() : std::uint16_t{0};
}

TEST(service_port, that_another_process_has_promised_is_not_promised) {
    const port_range quiet = quiet_here();
    core::system_random random;
    auto mine = service_port::promise(random);
    ASSERT_TRUE(mine);
    const std::uint16_t number = mine->number();
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(promise_at(quiet, number) == number ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "both would start a service on it";
}

TEST(service_port, is_free_again_when_its_promise_ends) {
    const port_range quiet = quiet_here();
    core::system_random random;
    auto mine = service_port::promise(random);
    ASSERT_TRUE(mine);
    const std::uint16_t number = mine->number();
    EXPECT_NE(promise_at(quiet, number), number);
    {
        const service_port moved = std::move(*mine);
        EXPECT_NE(promise_at(quiet, number), number) << "a promise that moves stays one";
    }
    EXPECT_EQ(promise_at(quiet, number), number);
}

TEST(service_port, of_a_service_that_was_taken_over_is_kept) {
    const port_range quiet = quiet_here();
    core::system_random random;
    std::uint16_t number = 0;
    {
        const auto before = service_port::promise(random);
        ASSERT_TRUE(before);
        number = before->number();
    }
    const service_port kept = service_port::keep(number);
    EXPECT_EQ(kept.number(), number);
    EXPECT_NE(promise_at(quiet, number), number);
}

}  // namespace
}  // namespace corral::process
