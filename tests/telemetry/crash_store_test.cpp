#include "corral/telemetry/crash_store.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"

namespace corral::telemetry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::chrono::system_clock::time_point at(int second) {
    return std::chrono::system_clock::time_point{std::chrono::seconds{1'700'000'000} +
                                                 std::chrono::seconds{second}};
}

class crash_store : public testing::Test {
protected:
    std::string keep(int second, const std::string& text = "{}") {
        const std::string name = crash_name(at(second), "Qwen3:4b");
        const auto kept = keep_crash(store, name, text, limits);
        EXPECT_TRUE(kept) << kept.error().message;
        return name;
    }
    std::vector<std::string> names() { return list_crashes(store).value(); }

    tests::temporary_folder folder;
    std::filesystem::path store = folder.path() / "state" / "crashes";
    crash_limits limits{3, 1000};
};

TEST_F(crash_store, names_sort_by_time_and_say_the_model) {
    EXPECT_EQ(crash_name(at(0), "Qwen3:4b/x y"), "20231114T221320.000000Z-qwen3-4b-x-y.json");
    EXPECT_LT(crash_name(at(0), "b"), crash_name(at(0) + std::chrono::microseconds{1}, "a"));
    EXPECT_LT(crash_name(at(0), std::string(500, 'x')).size(), 100U);
}

TEST_F(crash_store, what_is_kept_can_be_read_by_its_owner_alone) {
    const std::string name = keep(1, "{\"a\":1}\n");
    EXPECT_EQ(read_crash(store, name).value(), "{\"a\":1}\n");
    struct stat facts {};
    ASSERT_EQ(::stat((store / name).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
    ASSERT_EQ(::stat(store.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0700U);
}

TEST_F(crash_store, what_each_is_about_is_told_newest_first_and_damage_too) {
    const std::vector<std::string> texts{
        R"({"time":"t","model":"m","kind":"hang","trigger":{"service":"runtime","sentence":"It \u001b[31mhung."}})",
        "cut off {", "[]", R"({"trigger":7,"model":[1]})"};
    limits.count = texts.size();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        keep(static_cast<int>(i), texts[i]);
    }
    const auto told = summarise_crashes(store);
    ASSERT_TRUE(told);
    ASSERT_EQ(told->size(), 4U);
    EXPECT_EQ((*told)[0]["sentence"], "");
    EXPECT_EQ((*told)[1]["sentence"], "(damaged)");
    EXPECT_EQ((*told)[2]["sentence"], "(damaged)");
    EXPECT_EQ((*told)[3]["service"], "runtime");
    EXPECT_EQ((*told)[3]["sentence"].get<std::string>().find('\x1b'), std::string::npos);
    EXPECT_EQ(*summarise_crashes(folder.path() / "none"), nlohmann::ordered_json::array());
}

TEST_F(crash_store, beyond_the_number_the_oldest_go_and_other_files_stay) {
    folder.write("state/crashes/notes.txt", "mine");
    folder.write("state/crashes/20231114T221320.000000Z-../x.json", "not a name of ours");
    std::vector<std::string> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(keep(i));
    }
    EXPECT_THAT(names(), ElementsAre(all[4], all[3], all[2]));
    EXPECT_TRUE(std::filesystem::exists(store / "notes.txt"));
}

TEST_F(crash_store, beyond_the_size_the_oldest_go_but_never_the_newest) {
    limits = {100, 250};
    keep(1, std::string(100, ' '));
    const std::string second = keep(2, std::string(100, ' '));
    const std::string third = keep(3, std::string(100, ' '));
    EXPECT_THAT(names(), ElementsAre(third, second));
    const std::string large = keep(4, std::string(300, ' '));
    EXPECT_THAT(names(), ElementsAre(large));
}

TEST_F(crash_store, a_clock_that_was_set_back_does_not_cost_the_newest) {
    limits.count = 2;
    keep(100);
    keep(101);
    const std::string back = keep(1);
    EXPECT_EQ(names().size(), 2U);
    EXPECT_EQ(names().back(), back);
}

TEST_F(crash_store, those_of_a_clock_that_was_ahead_go_before_those_of_today) {
    for (const int seconds_ahead : {1'000'000'000, 1'000'000'001, 1'000'000'002}) {
        keep(seconds_ahead);
    }
    std::vector<std::string> today;
    for (int i = 0; i < 4; ++i) {
        today.push_back(keep(i));
    }
    EXPECT_THAT(names(), ElementsAre(today[3], today[2], today[1]));
}

TEST_F(crash_store, what_a_cut_off_write_left_is_cleared_away) {
    const std::string half = "state/crashes/" + crash_name(at(0), "m") + ".tmp";
    folder.write(half, "{");
    keep(1);
    EXPECT_FALSE(std::filesystem::exists(folder.path() / half));
}

TEST_F(crash_store, a_folder_that_is_a_file_is_a_failure_with_its_name) {
    folder.write("state", "a file");
    const auto kept = keep_crash(store, crash_name(at(0), "m"), "{}", limits);
    ASSERT_FALSE(kept);
    EXPECT_NE(kept.error().message.text().find("state/crashes"), std::string::npos) << kept.error().message;
}

TEST_F(crash_store, a_folder_that_is_not_there_holds_nothing) {
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(crash_store, reads_no_file_of_another_kind) {
    folder.write("state/key", "secret");
    std::filesystem::create_directories(store);
    std::filesystem::create_symlink("../key", store / crash_name(at(0), "m"));
    EXPECT_FALSE(read_crash(store, "../key"));
    EXPECT_FALSE(read_crash(store, crash_name(at(0), "m"))) << "a link";
    EXPECT_FALSE(read_crash(store, crash_name(at(1), "m"))) << "none";
    EXPECT_THAT(names(), IsEmpty());
}

}  // namespace
}  // namespace corral::telemetry
