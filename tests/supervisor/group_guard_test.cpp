// Servers that ask for every interface and a port of their own, under the port guard.

#include <gmock/gmock.h>

#include "corral/process/listener_owner.hpp"
#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

using catalog::guard_mode;
using testing::HasSubstr;

// Python with an HTTP server in it starts slowly on a busy machine.
constexpr seconds unhurried{55};

class group_guard : public group_fixture {
protected:
    // A service that knows nothing but `asked`; it is to be found at a private port.
    service_spec& add_stubborn(const std::string& name, std::vector<std::string> command,
                               guard_mode mode = guard_mode::warn) {
        service_spec& spec = add(name);
        spec.command.command = std::move(command);
        spec.rules.port = asked;
        spec.rules.guard = mode;
        spec.asked_port = asked;
        spec.on_endpoint = [this](const boost::asio::ip::tcp::endpoint& where) {
            told.push_back(where.port());
        };
        return spec;
    }
    [[nodiscard]] std::vector<std::string> tiny(const std::vector<std::string>& before = {},
                                                const std::vector<std::string>& after = {}) const {
        std::vector<std::string> words = before;
        words.insert(words.end(), {"python3", CORRAL_TEST_PROGRAMS "/tiny_server.py", "--bind", "0.0.0.0",
                                   "--port", std::to_string(asked)});
        words.insert(words.end(), after.begin(), after.end());
        return words;
    }
    static bool only_on_loopback(std::uint16_t port) {
        const auto rows = process::listeners_on(port);
        return rows.size() == 1 && rows[0].loopback && !rows[0].any_address;
    }

    // Looks through all processes wait for let_look().
    void hold_looks() {
        context.searches = std::make_shared<core::disk_work>([this](std::function<void()> what) {
            if (!held) {
                return core::disk_work::start_thread(std::move(what));
            }
            looks.push_back(std::move(what));
        });
    }
    void let_look() {
        held = false;
        for (const auto& look : looks) {
            look();
        }
    }
    [[nodiscard]] bool waits_for_a_look() {
        return run_until([this] { return !looks.empty(); }) && status().state == service_state::starting;
    }

    const std::uint16_t asked = free_port();
    std::vector<std::uint16_t> told;  // ports that the owner heard of
    bool held = true;
    std::vector<std::function<void()>> looks;
};

TEST_F(group_guard, who_has_a_taken_port_is_looked_up_beside_the_loop) {
    hold_looks();
    const boost::asio::ip::tcp::acceptor taker(io, add("runtime").endpoint);
    start();
    ASSERT_TRUE(waits_for_a_look());
    let_look();
    EXPECT_TRUE(reaches(service_state::broken));
    EXPECT_THAT(status().reason, HasSubstr("is already taken by"));
    EXPECT_THAT(status().reason, HasSubstr("(pid " + std::to_string(::getpid()) + ")"));
    EXPECT_EQ(status().starts, 0U);
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, a_start_that_does_not_know_yet_who_has_its_port_can_be_stopped) {
    hold_looks();
    const boost::asio::ip::tcp::acceptor taker(io, add("runtime").endpoint);
    start();
    ASSERT_TRUE(waits_for_a_look());
    EXPECT_TRUE(stop());
    let_look();
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_EQ(status().state, service_state::stopped);
    EXPECT_EQ(status().starts, 0U);
}

TEST_F(group_guard, whether_a_dead_process_lost_its_port_is_looked_up_beside_the_loop) {
    hold_looks();
    add_stubborn("runtime", {"sh", "-c", "exit 3"});
    start();
    ASSERT_TRUE(waits_for_a_look());
    let_look();
    EXPECT_TRUE(run_until([this] { return status().state != service_state::starting; }));
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, a_server_of_every_interface_is_ready_on_loopback_at_its_private_port) {
    const std::uint16_t given = add_stubborn("runtime", tiny({}, {"--reuse-port"})).endpoint.port();
    start();
    EXPECT_EQ(wait_ready(unhurried), "");
    EXPECT_TRUE(only_on_loopback(given));
    EXPECT_TRUE(process::listeners_on(asked).empty());
    EXPECT_EQ(status().warning, "");
    EXPECT_THAT(printed("runtime"), HasSubstr("guarded: its port " + std::to_string(asked)));
    EXPECT_TRUE(told.empty());
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, two_of_the_same_program_run_side_by_side) {
    const std::vector<std::string> command{"python3", "-m", "http.server", std::to_string(asked)};
    const std::uint16_t one = add_stubborn("one", command, guard_mode::require).endpoint.port();
    const std::uint16_t two = add_stubborn("two", command, guard_mode::require).endpoint.port();
    start();
    EXPECT_EQ(wait_ready(unhurried), "");
    EXPECT_NE(one, two);
    EXPECT_TRUE(only_on_loopback(one));
    EXPECT_TRUE(only_on_loopback(two));
    EXPECT_TRUE(process::listeners_on(asked).empty());
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, one_that_the_guard_does_not_reach_is_followed_and_told) {
    add_stubborn("runtime", tiny({"env", "-i"}));
    start();
    EXPECT_EQ(wait_ready(unhurried), "");
    EXPECT_EQ(told, std::vector<std::uint16_t>{asked});
    EXPECT_THAT(status().warning, HasSubstr("every interface at port " + std::to_string(asked)));
    EXPECT_THAT(status().warning, HasSubstr("the guard had no effect"));
    EXPECT_TRUE(verified());
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, one_that_requires_it_is_never_ready_without_it_and_costs_one_start) {
    add_stubborn("runtime", tiny({"env", "-i"}), guard_mode::require);
    wanted.restart.breaker_retry = seconds{300};
    start();
    const std::string why = wait_ready();
    EXPECT_THAT(why, HasSubstr("reachable from the network"));
    EXPECT_THAT(why, HasSubstr("guard = \"warn\""));
    EXPECT_EQ(status().state, service_state::broken);
    EXPECT_TRUE(run_until([this] { return process::listeners_on(asked).empty(); })) << "it does not go on";
    EXPECT_EQ(heard.told().find("ready;"), std::string::npos) << heard.told();
    EXPECT_EQ(status().starts, 1U);
    made->start();
    EXPECT_TRUE(run_until([this] { return status().starts == 2; })) << "a person may try again at once";
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, one_whose_guard_can_not_be_loaded_is_refused_without_a_start) {
    add_stubborn("runtime", tiny(), guard_mode::require).rules.guard_library = "/no/such/library.so";
    start();
    EXPECT_THAT(wait_ready(), HasSubstr("/no/such/library.so"));
    EXPECT_EQ(status().starts, 0U);
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, a_second_listener_is_found_wherever_it_is) {
    const std::uint16_t second = free_port();
    add("runtime", {"--also", std::to_string(second)}).rules.guard = guard_mode::off;
    start();
    EXPECT_EQ(wait_ready(unhurried), "");
    EXPECT_THAT(status().warning, HasSubstr("every interface at port " + std::to_string(second)));
    EXPECT_TRUE(stop());
}

TEST_F(group_guard, a_second_listener_that_escapes_a_required_guard_ends_the_service) {
    const std::uint16_t second = free_port();
    service_spec& spec = add("runtime");
    const std::string escaped = "env -i python3 -m http.server " + std::to_string(second) + " & exec \"$@\"";
    std::vector<std::string> command{"sh", "-c", escaped, "sh"};
    command.insert(command.end(), spec.command.command.begin(), spec.command.command.end());
    command.insert(command.end(), {"--delay", "0.5"});
    spec.command.command = std::move(command);
    spec.rules.guard = guard_mode::require;
    // Ready at once it could be when the other is not there yet; then the next look finds it.
    start();
    EXPECT_TRUE(run_until([this] { return status().state == service_state::broken; }));
    EXPECT_THAT(status().reason, HasSubstr("at port " + std::to_string(second)));
    EXPECT_TRUE(process::listeners_on(second).empty());
    EXPECT_TRUE(stop());
}

}  // namespace
}  // namespace corral::supervisor
