// What clients made of models survives a restart, whole (Ollama's create and copy,
// docs/facts/ollama_wire.md#management).

#include "corral/catalog/variant_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "temporary_folder.hpp"

namespace corral::catalog {
namespace {

namespace asio = boost::asio;

class variant_store_test : public testing::Test {
protected:
    std::unique_ptr<variant_store> open(variant_store_limits limits = {}) {
        auto opened = variant_store::open(folder, limits);
        EXPECT_TRUE(opened) << opened.error().message;
        return opened ? std::move(*opened) : nullptr;
    }
    core::result<void> wait(core::awaitable<core::result<void>> work) {
        std::optional<core::result<void>> out;
        asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown, core::result<void> done) {
            EXPECT_FALSE(thrown);
            out = std::move(done);
        });
        io.restart();
        io.run();  // the work keeps the loop alive until the disk has answered
        EXPECT_TRUE(out.has_value());
        return out.value_or(core::make_failure(core::errc::internal, core::reason::unlisted("no outcome")));
    }
    std::vector<std::string> documents() {
        std::vector<std::string> out;
        for (const auto& each : open()->take_found()) {
            EXPECT_TRUE(each.whole());
            out.push_back(each.head);
        }
        return out;
    }

    asio::io_context io;
    tests::temporary_folder root;
    std::filesystem::path folder = root.path() / "state" / "variants";
};

TEST_F(variant_store_test, what_was_saved_is_there_after_a_restart) {
    auto store = open();
    EXPECT_TRUE(wait(store->save("me:latest", "one")));
    EXPECT_TRUE(wait(store->save("other/you:4b", "two")));
    EXPECT_TRUE(wait(store->save("ME:latest", "three")));
    store.reset();
    EXPECT_EQ(documents(), (std::vector<std::string>{"three", "two"}));
    EXPECT_TRUE(wait(open()->remove("Me:Latest")));
    EXPECT_EQ(documents(), (std::vector<std::string>{"two"}));
}

TEST_F(variant_store_test, only_the_owner_may_read) {
    auto store = open();
    ASSERT_TRUE(wait(store->save("me:latest", "secret system prompt")));
    struct stat about {};
    ASSERT_EQ(::stat(folder.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0700U);
    ASSERT_EQ(::stat((folder / variant_store::file_name("me:latest")).c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST(variant_file_name, is_harmless_and_keeps_names_apart) {
    EXPECT_EQ(variant_store::file_name("Me/X:4b"), variant_store::file_name("me/x:4B"));
    EXPECT_NE(variant_store::file_name("a/b:1"), variant_store::file_name("a:b/1"));
    for (const std::string& name :
         {std::string("../../etc/passwd:latest"), std::string("a/b:c"), std::string(350, 'h') + "/n/m:t",
          std::string(".hidden:latest"), std::string("\0x", 2)}) {
        const std::string file = variant_store::file_name(name);
        EXPECT_EQ(file.find('/'), std::string::npos) << file;
        EXPECT_FALSE(file.starts_with('.')) << file;
        EXPECT_LE(file.size(), 200U);
        EXPECT_TRUE(file.ends_with(".json"));
    }
}

TEST_F(variant_store_test, what_a_crash_left_goes_and_other_files_stay) {
    std::filesystem::create_directories(folder);
    root.write("state/variants/half.json.tmp", "{");
    root.write("state/variants/README", "mine");
    root.write("state/variants/kept.json", "kept");
    EXPECT_EQ(documents(), (std::vector<std::string>{"kept"}));
    EXPECT_FALSE(std::filesystem::exists(folder / "half.json.tmp"));
    EXPECT_TRUE(std::filesystem::exists(folder / "README"));
}

TEST_F(variant_store_test, files_that_can_not_be_used_are_named_and_stay) {
    root.write("state/variants/long.json", std::string(200, 'x'));
    std::filesystem::create_directories(folder / "folder.json");
    std::filesystem::create_symlink("long.json", folder / "link.json");
    const auto store = open({1000, 100});
    ASSERT_EQ(store->warnings().size(), 3U);
    EXPECT_NE(store->warnings()[0].find("folder.json"), std::string::npos);
    EXPECT_NE(store->warnings()[1].find("link.json"), std::string::npos);
    EXPECT_NE(store->warnings()[2].find("long.json' is longer than 100 bytes"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(folder / "long.json"));
}

TEST_F(variant_store_test, count_and_size_are_bounded) {
    auto store = open({2, 10});
    EXPECT_EQ(wait(store->save("a:1", "12345678901", "x")).error().code, core::errc::limit_exceeded);
    EXPECT_TRUE(wait(store->save("a:1", "1", "x")));
    EXPECT_TRUE(wait(store->save("b:1", "1", "y")));
    const auto third = wait(store->save("c:1", "1", "z"));
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().message, "there are 2 models made by clients already; delete some");
    EXPECT_TRUE(wait(store->save("b:1", "2", "y")));
    EXPECT_TRUE(wait(store->remove("a:1")));
    EXPECT_TRUE(wait(store->save("c:1", "1", "z")));
    store.reset();
    EXPECT_EQ(open({1, 10})->warnings().size(), 1U);
}

TEST_F(variant_store_test, what_is_found_above_the_bound_stays_and_takes_no_more) {
    ASSERT_TRUE(wait(open()->save("a:1", std::string(60, 'a'), "x")));
    ASSERT_TRUE(wait(open()->save("b:1", std::string(60, 'b'), "x")));
    const auto store = open({1000, 100, 80, 20});
    auto found = store->take_found();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_FALSE(found[0].whole());
    EXPECT_EQ(found[0].head, std::string(20, 'a'));
    EXPECT_EQ(store->document(found[0].file_name).value(), std::string(60, 'a'));
    EXPECT_EQ(wait(store->save("c:1", "1", "y")).error().message,
              "the models made by clients may hold at most 80 bytes together; delete some");
    EXPECT_TRUE(wait(store->save("b:1", std::string(59, 'c'), "x"))) << "a shorter one may take its place";
    EXPECT_TRUE(wait(store->remove("a:1")));
    EXPECT_TRUE(wait(store->save("c:1", "1", "y")));
}

TEST_F(variant_store_test, a_folder_that_is_gone_is_made_again) {
    auto store = open();
    ASSERT_TRUE(wait(store->save("a:1", "1")));
    std::filesystem::remove_all(folder);
    EXPECT_TRUE(wait(store->save("b:1", "2")));
    EXPECT_EQ(documents(), std::vector<std::string>{"2"});
    struct stat about {};
    ASSERT_EQ(::stat(folder.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0700U);
}

TEST(variant_shares, one_client_leaves_room_for_others) {
    const variant_store_limits limits{10, 100, 1000, 20};
    struct row {
        variant_usage own;
        variant_usage others;
        std::size_t bytes;
        std::optional<std::uint64_t> replaced;
        std::string refused;  // a word of why
    };
    for (const row& each : std::vector<row>{
             {{0, 0}, {0, 0}, 100, {}, ""},
             {{0, 0}, {0, 0}, 101, {}, "at most 100 bytes"},
             {{4, 0}, {0, 0}, 1, {}, ""},
             {{5, 0}, {0, 0}, 1, {}, "you have 5"},
             {{2, 0}, {5, 0}, 1, {}, ""},
             {{3, 0}, {5, 0}, 1, {}, "you have 3"},
             {{0, 0}, {9, 0}, 1, {}, ""},
             {{0, 0}, {10, 0}, 1, {}, "there are 10"},
             {{3, 450}, {0, 0}, 50, {}, ""},
             {{3, 450}, {0, 0}, 51, {}, "your models hold 450"},
             {{1, 10}, {3, 940}, 20, {}, ""},
             {{1, 10}, {3, 940}, 60, {}, "at most 1000 bytes together"},
             // What replaces a longer one is always fine.
             {{9, 900}, {900, 9000}, 50, 50, ""},
             {{9, 900}, {900, 9000}, 51, 50, "there are 909"},
         }) {
        const auto judged = judge_variant(limits, each.own, each.others, each.bytes, each.replaced);
        EXPECT_EQ(judged.has_value(), each.refused.empty()) << each.refused;
        if (!judged) {
            EXPECT_NE(judged.error().message.text().find(each.refused), std::string::npos)
                << judged.error().message;
        }
    }
    // However many greedy clients there are before it, each leaves something.
    variant_usage others;
    for (int client = 0; client < 3; ++client) {
        variant_usage own;
        while (judge_variant(limits, own, others, 1, {})) {
            ++own.count;
            ++own.bytes;
        }
        EXPECT_GT(own.count, 0U) << client;
        others.count += own.count;
        others.bytes += own.bytes;
    }
}

TEST_F(variant_store_test, a_failed_write_leaves_the_old_document) {
    auto store = open();
    ASSERT_TRUE(wait(store->save("me:latest", "old")));
    // A folder in the place of the unfinished file can't be opened for writing, whoever runs this.
    std::filesystem::create_directories(folder / (variant_store::file_name("me:latest") + ".tmp"));
    const auto failed = wait(store->save("me:latest", "new"));
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.text().find("cannot write"), std::string::npos);
    EXPECT_EQ(wait(store->remove("none:latest")).error().code,
              boost::system::errc::no_such_file_or_directory);
    store.reset();
    EXPECT_EQ(documents(), (std::vector<std::string>{"old"}));
}

TEST_F(variant_store_test, a_folder_that_can_not_be_made_is_said) {
    root.write("state", "a file");
    const auto opened = variant_store::open(folder);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.text().find(folder.string()), std::string::npos);
}

TEST_F(variant_store_test, destruction_waits_for_the_write) {
    auto store = open();
    asio::co_spawn(io, store->save("me:latest", "last words"),
                   [](std::exception_ptr, const core::result<void>&) {});
    io.restart();
    io.poll();
    store.reset();
    EXPECT_EQ(documents(), (std::vector<std::string>{"last words"}));
}

}  // namespace
}  // namespace corral::catalog
