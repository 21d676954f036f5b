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
    const listener_judgement own = ours.look(::getpid());
    EXPECT_EQ(own.what, listener_finding::ours);
    EXPECT_FALSE(port_watch::is_wrong(own));
    const listener_judgement foreign = ours.look(1 << 30);
    ASSERT_EQ(foreign.what, listener_finding::foreign);
    EXPECT_TRUE(port_watch::is_wrong(foreign));
    const process::program_fault fault = ours.fault_of(foreign, now);
    EXPECT_NE(fault.message.find("is also listened on by"), std::string::npos) << fault.message;
    EXPECT_FALSE(fault.advice.empty());
}

TEST_F(port_watch_test, nothing_is_launched_where_the_port_is_taken) {
    process::spawn_spec command;
    const auto fault = watch(catalog::guard_mode::off).prepare(command, io.get_executor(), now);
    ASSERT_TRUE(fault);
    EXPECT_NE(fault->message.find("is already taken by"), std::string::npos) << fault->message;
    port_watch free = watch(catalog::guard_mode::off);
    listener.close();
    EXPECT_FALSE(free.prepare(command, io.get_executor(), now));
}

TEST_F(port_watch_test, a_service_open_to_the_network_is_warned_of_or_ends) {
    listen(boost::asio::ip::address_v4::any());
    port_watch warned = watch(catalog::guard_mode::warn);
    EXPECT_EQ(warned.look(::getpid()).what, listener_finding::ours);
    EXPECT_NE(warned.warning().find("every interface"), std::string::npos) << warned.warning();
    EXPECT_FALSE(warned.beyond_loopback(::getpid(), now));
    port_watch required = watch(catalog::guard_mode::require);
    const listener_judgement exposed = required.look(::getpid());
    EXPECT_EQ(exposed.what, listener_finding::exposed);
    EXPECT_EQ(required.fault_of(exposed, now).id, "unguarded");
    EXPECT_TRUE(required.beyond_loopback(::getpid(), now));
}

TEST_F(port_watch_test, what_listens_on_loopback_alone_needs_no_warning) {
    port_watch quiet = watch(catalog::guard_mode::require);
    EXPECT_FALSE(quiet.beyond_loopback(::getpid(), now));
    EXPECT_EQ(quiet.warning(), "");
}

}  // namespace
}  // namespace corral::supervisor
