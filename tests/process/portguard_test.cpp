// What a program finds that runs under the preload library, and what is known beforehand about whether it
// will.

#include "corral/process/portguard.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include <gmock/gmock.h>

#include "corral/process/listener_owner.hpp"
#include "free_port.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

// A socket on a free port that keeps it for others.
class held_port {
public:
    explicit held_port(in_addr_t address = INADDR_LOOPBACK) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(address);
        socklen_t size = sizeof at;
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
        EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
        number_ = ntohs(at.sin_port);
    }
    held_port(const held_port&) = delete;
    held_port& operator=(const held_port&) = delete;
    ~held_port() { release(); }
    void release() {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::uint16_t number() const { return number_; }

private:
    int fd_ = -1;
    std::uint16_t number_ = 0;
};

class portguard : public ::testing::Test {
protected:
    // "ADDRESS PORT ..." as the program sees its socket; what it says on the way is an error.
    std::string bound(std::vector<std::string> words) {
        words.insert(words.begin(), {"python3", CORRAL_PROCESS_TEST_PROGRAMS "/bind_once.py"});
        spawn_spec what = spec_of(words);
        add_portguard(what, library, {{asked, given}});
        if (variable) {
            what.environment["CORRAL_PORTGUARD"] = *variable;
        }
        const ended_program seen = run_program(what);
        EXPECT_EQ(seen.err, "");
        EXPECT_EQ(seen.how, "exit status 0");
        return seen.out.substr(0, seen.out.find('\n'));
    }
    std::string text(std::uint16_t port) { return std::to_string(port); }

    const std::string library = find_portguard();
    const std::uint16_t asked = free_port();
    const std::uint16_t given = free_port();
    std::optional<std::string> variable;
};

TEST_F(portguard, a_server_on_every_interface_is_on_loopback_at_its_private_port) {
    ASSERT_NE(library, "");
    const std::string there = "127.0.0.1 " + text(given) + " reuseport=0 device=-";
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(asked)}), there);
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(asked), "listen"}), there);
    EXPECT_EQ(bound({"tcp4", "192.0.2.77", text(asked)}), there) << "an address of the network too";
    EXPECT_EQ(bound({"tcp4", "127.0.0.1", text(asked)}), there);
    EXPECT_EQ(bound({"tcp4", "127.0.0.9", text(asked)}),
              "127.0.0.9 " + text(given) + " reuseport=0 device=-");
}

TEST_F(portguard, a_program_that_calls_the_server_that_was_moved_finds_it) {
    const std::string there = text(given);
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(asked), "listen", "calls", "127.0.0.1"}),
              "called 127.0.0.1 " + there);
    EXPECT_EQ(bound({"tcp6", "::", text(asked), "listen", "calls", "::ffff:127.0.0.1"}),
              "called ::ffff:127.0.0.1 " + there);
    // Another's at that port is reached as ever, and nothing is moved that is not its own.
    EXPECT_EQ(bound({"tcp4", "unbound", text(asked), "calls", "127.0.0.1"}), "error ECONNREFUSED");
    const held_port others;
    ASSERT_EQ(::listen(others.fd(), 1), 0);
    EXPECT_EQ(bound({"tcp4", "unbound", text(others.number()), "calls", "127.0.0.1"}),
              "called 127.0.0.1 " + text(others.number()));
}

TEST_F(portguard, a_port_that_nobody_named_stays) {
    const std::uint16_t other = free_port();
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(other)}), "127.0.0.1 " + text(other) + " reuseport=0 device=-");
}

TEST_F(portguard, of_both_families_the_one_that_is_called_answers) {
    EXPECT_EQ(bound({"tcp6", "::", text(asked)}),
              "::ffff:127.0.0.1 " + text(given) + " reuseport=0 device=-");
    EXPECT_EQ(bound({"tcp6only", "::", text(asked)}), "::1 " + text(given) + " reuseport=0 device=-");
    EXPECT_EQ(bound({"tcp6", "::1", text(asked)}), "::1 " + text(given) + " reuseport=0 device=-");
    EXPECT_EQ(bound({"tcp6", "::ffff:192.0.2.77", text(asked)}),
              "::ffff:127.0.0.1 " + text(given) + " reuseport=0 device=-");
    EXPECT_EQ(bound({"tcp6", "2001:db8::7", text(asked)}), "::1 " + text(given) + " reuseport=0 device=-");
}

TEST_F(portguard, a_port_is_not_shared) {
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(asked), "reuseport", "listen"}),
              "127.0.0.1 " + text(given) + " reuseport=0 device=-");
    const held_port taken;
    const int on = 1;
    ASSERT_EQ(::setsockopt(taken.fd(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    ASSERT_EQ(::listen(taken.fd(), 1), 0);
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(taken.number()), "reuseport"}), "error EADDRINUSE");
}

TEST_F(portguard, a_client_may_take_any_port_and_a_server_there_hears_loopback_alone) {
    EXPECT_THAT(bound({"tcp4", "0.0.0.0", "0"}),
                testing::MatchesRegex("0.0.0.0 [0-9]+ reuseport=0 device=-"));
    EXPECT_THAT(bound({"tcp4", "0.0.0.0", "0", "listen"}),
                testing::MatchesRegex("0.0.0.0 [0-9]+ reuseport=0 device=lo"));
    EXPECT_THAT(bound({"tcp6", "::", "0", "listen"}),
                testing::MatchesRegex(":: [0-9]+ reuseport=0 device=lo"));
    EXPECT_THAT(bound({"tcp4", "unbound", "0", "listen"}),
                testing::MatchesRegex("0.0.0.0 [0-9]+ reuseport=0 device=lo"));
    EXPECT_THAT(bound({"tcp4", "127.0.0.1", "0", "listen"}),
                testing::MatchesRegex("127.0.0.1 [0-9]+ reuseport=0 device=-"));
}

TEST_F(portguard, other_sockets_are_left_alone) {
    EXPECT_EQ(bound({"udp4", "0.0.0.0", text(asked), "reuseport"}),
              "0.0.0.0 " + text(asked) + " reuseport=1 device=-");
}

TEST_F(portguard, errno_is_as_it_would_have_been) {
    EXPECT_EQ(bound({"tcp4", "-", "0", "errno"}), "result=0 errno=77");
}

TEST_F(portguard, what_can_not_be_read_moves_nothing) {
    const std::string unmoved = "127.0.0.1 " + text(asked) + " reuseport=0 device=-";
    for (const std::string& garbage :
         {std::string(""), std::string("nonsense"), std::string(",,,="), text(asked) + "=",
          text(asked) + "=0", text(asked) + "=70000", text(asked) + "=12x", "x" + text(asked) + "=1234",
          std::string(70000, '9'), "=" + text(given), text(asked) + " = " + text(given)}) {
        variable = garbage;
        EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(asked)}), unmoved) << garbage.substr(0, 40);
    }
    std::string many;
    for (int i = 0; i < 500; ++i) {
        many += "1=2,";
    }
    variable = many + text(asked) + "=" + text(given);
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(asked)}), unmoved) << "the table is full";
    variable = "garbage,99999=1," + text(asked) + "=" + text(given) + ",";
    EXPECT_EQ(bound({"tcp4", "0.0.0.0", text(asked)}), "127.0.0.1 " + text(given) + " reuseport=0 device=-");
}

TEST_F(portguard, without_its_variable_addresses_are_still_guarded) {
    spawn_spec what =
        spec_of({"python3", CORRAL_PROCESS_TEST_PROGRAMS "/bind_once.py", "tcp4", "0.0.0.0", text(asked)});
    what.environment["LD_PRELOAD"] = library;
    EXPECT_EQ(run_program(what).out, "127.0.0.1 " + text(asked) + " reuseport=0 device=-\n");
}

TEST_F(portguard, reaches_what_its_program_starts_and_keeps_a_preload_of_the_users) {
    spawn_spec what = spec_of({"sh", "-c", "echo $LD_PRELOAD $CORRAL_PORTGUARD"});
    what.environment["LD_PRELOAD"] = library;
    add_portguard(what, library, {{8000, 41234}, {8001, 41235}});
    const ended_program seen = run_program(what);
    EXPECT_EQ(seen.out, library + ":" + library + " 8000=41234,8001=41235\n");
    EXPECT_EQ(seen.err, "");
}

// A copy of a program with some bytes changed.
std::string altered(const scratch_folder& folder, const std::string& name,
                    const std::function<void(std::string&)>& change) {
    std::ifstream in(helper_program, std::ios::binary);
    std::string image((std::istreambuf_iterator<char>(in)), {});
    change(image);
    return folder.write(name, image);
}

// Its PT_INTERP becomes PT_NULL: to the eye it is linked statically.
void drop_loader(std::string& image) {
    constexpr std::size_t table = 64;  // program headers follow the ELF header
    constexpr std::size_t row = 56;
    for (std::size_t at = table; at + row <= 64 + 20 * row; at += row) {
        if (image[at] == 3) {
            image[at] = 0;
            return;
        }
    }
    ADD_FAILURE() << "no PT_INTERP";
}

std::string verdict(const std::string& program, const std::string& library = find_portguard()) {
    const auto fault = check_portguard(spec_of({program}), library);
    if (fault) {
        EXPECT_NE(fault->message, "");
        EXPECT_NE(fault->advice, "");
    }
    return fault ? fault->id : "";
}

TEST(check_portguard, knows_programs_that_will_not_meet_it) {
    const scratch_folder folder;
    EXPECT_EQ(verdict(helper_program), "");
    EXPECT_EQ(verdict("python3"), "");
    EXPECT_EQ(verdict(altered(folder, "fixed", drop_loader)), "static-program");
    EXPECT_EQ(verdict(altered(folder, "ld-linux.so.2", drop_loader)), "") << "the loader itself preloads";
    EXPECT_EQ(verdict(altered(folder, "foreign", [](std::string& image) { image[18] = 8; })),
              "other-machine");
    EXPECT_EQ(verdict(folder.write("script", "#!/bin/sh\n")), "");
    EXPECT_EQ(verdict(folder.write("wrapped", "#! " + folder.path("fixed") + " -x\n")), "static-program");
    EXPECT_EQ(verdict(folder.path("missing")), "") << "that is for check_program to say";
}

TEST(check_portguard, knows_programs_with_other_rights) {
    const scratch_folder folder;
    const std::string own = altered(folder, "own", [](std::string&) {});
    ASSERT_EQ(::chmod(own.c_str(), 04755), 0);
    EXPECT_EQ(verdict(own), "") << "set-uid to ourselves raises nothing";
    std::string other = "/bin/su";
    if (::geteuid() == 0) {
        other = altered(folder, "other", [](std::string&) {});
        ASSERT_EQ(::chown(other.c_str(), 1, 1), 0);
        ASSERT_EQ(::chmod(other.c_str(), 04755), 0);
    }
    EXPECT_EQ(verdict(other), "privileged-program");
}

TEST(check_portguard, knows_a_library_that_can_not_be_loaded) {
    const scratch_folder folder;
    for (const std::string& library :
         {std::string(), folder.path("missing.so"), folder.write("text.so", "no library"),
          altered(folder, "with blank.so", [](std::string&) {})}) {
        EXPECT_EQ(verdict(helper_program, library), "no-library") << library;
    }
}

TEST(listeners_beyond_loopback, shows_what_other_machines_reach) {
    const held_port open(INADDR_ANY);
    const held_port local;
    const held_port confined(INADDR_ANY);
    const std::string device = "lo";
    ASSERT_EQ(::setsockopt(confined.fd(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(), 3), 0);
    for (const held_port* one : {&open, &local, &confined}) {
        ASSERT_EQ(::listen(one->fd(), 1), 0);
    }
    const auto found = listeners_beyond_loopback(::getpid());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].port, open.number());
    EXPECT_TRUE(found[0].any_address);
    EXPECT_EQ(found[0].owner, ::getpid());
    EXPECT_TRUE(listeners_on(confined.number()).at(0).loopback);
    boost::asio::io_context loop;
    auto other = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(other);
    await_exec(loop, *other);
    EXPECT_TRUE(listeners_beyond_loopback(other->pid()).empty()) << "ours are not its own";
    ASSERT_TRUE(other->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, other->wait()));
}

}  // namespace
}  // namespace corral::process
