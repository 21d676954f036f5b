#include "supervisor/service/port_watch.hpp"

#include <unistd.h>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

namespace corral::supervisor {
namespace {

using boost::asio::ip::tcp;

class port_watch_test : public ::testing::Test {
protected:
    service_spec spec(catalog::guard_mode guard) {
        service_spec wanted;
        wanted.rules.guard = guard;
        wanted.endpoint = listener.local_endpoint();
        wanted.endpoint.address(boost::asio::ip::address_v4::loopback());
        return wanted;
    }
    port_watch watch(catalog::guard_mode guard) {
        return {spec(guard), "m/runtime", core::milliseconds{1000}};
    }
    void listen(const boost::asio::ip::address& where) {
        listener = tcp::acceptor(io, tcp::endpoint(where, 0), false);
    }

    boost::asio::io_context io{1};
    tcp::acceptor listener{io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0), false};
    core::steady_time now{core::seconds{1000}};
};

TEST_F(port_watch_test, a_listener_of_the_process_itself_is_its_own_and_another_s_is_foreign) {
    port_watch ours = watch(catalog::guard_mode::off);
    const listener_judgement own = *ours.glance(::getpid());
    EXPECT_EQ(own.what, listener_finding::ours);
    EXPECT_FALSE(port_watch::is_wrong(own));
    const listener_judgement foreign =
        ours.settled(port_watch::search_all(listener.local_endpoint().port(), 1 << 30));
    ASSERT_EQ(foreign.what, listener_finding::foreign);
    EXPECT_TRUE(port_watch::is_wrong(foreign));
    const process::program_fault fault = ours.fault_of(foreign, now);
    EXPECT_NE(fault.message.text().find("is also listened on by"), std::string::npos) << fault.message;
    EXPECT_FALSE(fault.advice.empty());
}

TEST_F(port_watch_test, nothing_is_launched_where_the_port_is_taken) {
    process::spawn_spec command;
    const auto fault = watch(catalog::guard_mode::off).prepare(command, {}, io.get_executor(), now);
    ASSERT_TRUE(fault);
    EXPECT_NE(fault->message.text().find("is already taken by"), std::string::npos) << fault->message;
    port_watch free = watch(catalog::guard_mode::off);
    listener.close();
    EXPECT_FALSE(free.prepare(command, {}, io.get_executor(), now));
}

TEST_F(port_watch_test, a_service_open_to_the_network_is_warned_of_or_ends) {
    listen(boost::asio::ip::address_v4::any());
    port_watch warned = watch(catalog::guard_mode::warn);
    EXPECT_EQ(warned.glance(::getpid())->what, listener_finding::ours);
    EXPECT_NE(warned.warning().find("every interface"), std::string::npos) << warned.warning();
    EXPECT_FALSE(warned.judge_open(process::listeners_beyond_loopback(::getpid()), now));
    port_watch required = watch(catalog::guard_mode::require);
    const listener_judgement exposed = *required.glance(::getpid());
    EXPECT_EQ(exposed.what, listener_finding::exposed);
    EXPECT_EQ(required.fault_of(exposed, now).id, "unguarded");
    EXPECT_TRUE(required.judge_open(process::listeners_beyond_loopback(::getpid()), now));
}

// The guard reaches neither; the listener is the first one's.
TEST_F(port_watch_test, services_of_one_compiled_in_port_take_turns_and_nobody_is_to_stop_the_other) {
    const auto ports = std::make_shared<fixed_ports>();
    service_spec wanted = spec(catalog::guard_mode::warn);
    wanted.asked_port = listener.local_endpoint().port();
    wanted.endpoint.port(static_cast<std::uint16_t>(wanted.asked_port ^ 1U));
    wanted.on_endpoint = [](const auto&) {};
    port_watch first(wanted, "a/runtime", core::milliseconds{1000}, ports);
    port_watch second(wanted, "b/runtime", core::milliseconds{1000}, ports);
    EXPECT_EQ(first.fixed_port(), 0) << "not known yet";
    const auto found = first.listener_missing(::getpid(), now);
    EXPECT_TRUE(found.moved);
    EXPECT_FALSE(found.wrong);
    EXPECT_EQ(first.fixed_port(), wanted.asked_port);
    EXPECT_EQ(second.fixed_port(), wanted.asked_port) << "presumed, until it is seen";
    EXPECT_NE(first.warning().find("takes turns"), std::string::npos) << first.warning();

    const auto lost = second.listener_missing(::getpid(), now);
    ASSERT_TRUE(lost.wrong);
    EXPECT_EQ(lost.wrong->id, std::string(port_watch::turn_lost));
    EXPECT_NE(lost.wrong->message.text().find("is used by a/runtime: they take turns"), std::string::npos)
        << lost.wrong->message;
    EXPECT_EQ(lost.wrong->advice, "");
    process::spawn_spec command;
    command.command = {"/bin/true"};
    const auto refused = second.prepare(command, {}, io.get_executor(), now);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->id, std::string(port_watch::turn_lost));

    first.leave();
    listener.close();
    EXPECT_FALSE(second.prepare(command, {}, io.get_executor(), now));
    EXPECT_EQ(second.endpoint().port(), wanted.asked_port);
}

TEST_F(port_watch_test, a_warning_goes_with_the_process_it_is_about) {
    listen(boost::asio::ip::address_v4::any());
    port_watch warned = watch(catalog::guard_mode::warn);
    EXPECT_EQ(warned.glance(::getpid())->what, listener_finding::ours);
    EXPECT_NE(warned.warning(), "");
    warned.leave();
    EXPECT_EQ(warned.warning(), "");
}

TEST_F(port_watch_test, what_listens_on_loopback_alone_needs_no_warning) {
    port_watch quiet = watch(catalog::guard_mode::require);
    EXPECT_FALSE(quiet.judge_open(process::listeners_beyond_loopback(::getpid()), now));
    EXPECT_EQ(quiet.warning(), "");
}

constexpr pid_t us = 100;

process::listening_socket row(pid_t owner, bool any, bool loopback, const char* program = "python3") {
    process::listening_socket r;
    r.port = 8000;
    r.owner = owner;
    r.any_address = any;
    r.loopback = loopback;
    r.program = program;
    return r;
}

listener_judgement judge(const std::vector<process::listening_socket>& rows) {
    return judge_listeners(rows, [](pid_t pid) { return pid == us; });
}

TEST(listener_policy, a_port_is_ours_only_when_every_listener_is) {
    EXPECT_EQ(judge({}).what, listener_finding::none);
    EXPECT_EQ(judge({row(us, false, true)}).what, listener_finding::ours);
    EXPECT_EQ(judge({row(us, false, true), row(us, false, true)}).what, listener_finding::ours);
    EXPECT_EQ(judge({row(us, false, true), row(7, false, true)}).what, listener_finding::foreign);
    EXPECT_EQ(judge({row(7, true, false), row(us, false, true)}).what, listener_finding::foreign);
    EXPECT_EQ(judge({row(0, true, false, ""), row(us, false, true)}).what, listener_finding::unknown);
    EXPECT_EQ(judge({row(0, true, false, ""), row(7, false, true)}).what, listener_finding::foreign);
}

TEST(listener_policy, names_the_foreigner) {
    EXPECT_EQ(judge({row(4711, true, false)}).who, "python3 (pid 4711)");
    EXPECT_EQ(judge({row(0, true, false, "")}).who, "a process of another user");
}

TEST(listener_policy, sees_a_wide_open_service_and_ignores_what_loopback_never_reaches) {
    EXPECT_TRUE(judge({row(us, true, false)}).every_interface);
    EXPECT_FALSE(judge({row(us, false, true)}).every_interface);
    EXPECT_EQ(judge({row(7, false, false)}).what, listener_finding::none);
}

}  // namespace
}  // namespace corral::supervisor
