#include "daemon/admin_verbs.hpp"

#include <exception>

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::daemon {
namespace {

using control::admin_json;
using testing::HasSubstr;

admin_json answer(const admin_context& of, admin_json asked) {
    boost::asio::io_context io;
    admin_json out;
    boost::asio::co_spawn(io, answer_admin(of, std::move(asked), [](const std::string&) {}),
                          [&](const std::exception_ptr& failed, admin_json got) {
                              EXPECT_FALSE(failed);
                              out = std::move(got);
                          });
    io.run();
    return out;
}

TEST(admin_verbs, begin_an_upgrade_to_a_path_from_the_root_only) {
    std::vector<std::string> begun;
    admin_context of;
    of.upgrade = [&](std::string program) -> core::result<void> {
        begun.push_back(std::move(program));
        return {};
    };
    EXPECT_EQ(answer(of, {{"verb", "upgrade"}, {"program", "bin/corral"}})["ok"], false);
    EXPECT_THAT(begun, testing::IsEmpty());
    EXPECT_EQ(answer(of, {{"verb", "upgrade"}, {"program", "/bin/corral"}})["ok"], true);
    EXPECT_EQ(answer(of, {{"verb", "upgrade"}})["ok"], true);
    EXPECT_THAT(begun, testing::ElementsAre("/bin/corral", ""));
}

TEST(admin_verbs, tell_why_an_upgrade_could_not_begin) {
    admin_context of;
    of.upgrade = [](const std::string&) -> core::result<void> {
        return core::make_failure(core::errc::unavailable, core::reason::unlisted("one is under way"));
    };
    EXPECT_EQ(answer(of, {{"verb", "upgrade"}})["error"], "one is under way");
}

TEST(admin_verbs, survive_an_exception) {
    admin_context of;
    of.upgrade = [](const std::string&) -> core::result<void> { throw std::runtime_error("torn\x1b"); };
    const std::string why = answer(of, {{"verb", "upgrade"}})["error"];
    EXPECT_THAT(why, HasSubstr("internal error: torn"));
    EXPECT_EQ(why.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace corral::daemon
