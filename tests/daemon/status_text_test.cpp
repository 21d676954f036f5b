#include "daemon/status_text.hpp"

#include <gtest/gtest.h>

namespace corral::daemon {
namespace {

using core::seconds;

TEST(status_text, tells_how_far_a_load_is) {
    EXPECT_EQ(status_text({{"qwen3:4b", model_phase::loading, 0.629, seconds{40}, {}, ""}}, 0, 0),
              "loading qwen3:4b 62 %, about 40 s left");
    EXPECT_EQ(status_text({{"qwen3:4b", model_phase::loading, {}, {}, {}, "loading"}}, 0, 0),
              "loading qwen3:4b");
    EXPECT_EQ(status_text({{"qwen3:4b", model_phase::loading, 1.0, seconds{150}, {}, ""}}, 0, 2),
              "loading qwen3:4b 100 %, about 3 min left; 2 waiting");
}

TEST(status_text, tells_what_is_at_work) {
    EXPECT_EQ(status_text({{"a", model_phase::ready, {}, {}, {}, ""}}, 0, 0), "a ready");
    EXPECT_EQ(
        status_text({{"a", model_phase::ready, {}, {}, {}, ""}, {"b", model_phase::unloaded, {}, {}, {}, ""}},
                    1, 3),
        "a ready; b unloaded; 1 running, 3 waiting");
    EXPECT_EQ(status_text({}, 0, 0), "");
}

TEST(status_text, gives_the_heart_of_a_reason) {
    const std::string reason =
        "ended by itself, exit status 139. The runtime crashed. Look at its lines; and more";
    EXPECT_EQ(status_text({{"a", model_phase::waiting, {}, {}, seconds{7}, reason}}, 0, 0),
              "a waits, next try in 7 s: ended by itself, exit status 139");
    EXPECT_EQ(
        status_text({{"a", model_phase::broken, {}, {}, seconds{290}, "No device was found. Plug it in."}}, 0,
                    0),
        "a broken, next try in 5 min: No device was found");
}

TEST(status_text, is_one_short_line_whatever_comes) {
    const std::string wild = "no\x1b[31m\n" + std::string(5000, 'x');
    std::vector<model_view> many(40,
                                 {"model", model_phase::broken, {}, {}, {}, std::string(500, 'y') + wild});
    const std::string line = status_text(many, 1, 1);
    EXPECT_LE(line.size(), 404U);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace corral::daemon
