#include <string>

#include <gtest/gtest.h>

#include "corral/device/report.hpp"

namespace corral::device {
namespace {

std::optional<device_report> load(const std::string& text) {
    return find_report_format("rknpu-load")->parse(text, 0);
}

std::optional<device_report> files(const std::string& text) {
    return find_report_format("board-files")->parse(text, 2);
}

TEST(rknpu_load, every_core_counts_and_the_busiest_is_told) {
    const auto report = load("NPU load:  Core0: 52%, Core1:  0%, Core2:  0%,\n");
    ASSERT_TRUE(report);
    ASSERT_EQ(report->cards.size(), 1U);
    EXPECT_EQ(report->cards[0].npu, 18U);
    EXPECT_EQ(report->cards[0].npu_most, 52U);
    EXPECT_FALSE(report->cards[0].model_memory);
}

TEST(rknpu_load, work_on_another_core_than_the_first_is_work) {
    const auto report = load("NPU load:  Core0:  0%, Core1:  1%, Core2:  0%,\n");
    EXPECT_EQ(report->cards[0].npu, 1U);
    EXPECT_EQ(load("NPU load:  Core0:  0%, Core1:  0%,\n")->cards[0].npu, 0U);
}

TEST(rknpu_load, the_spellings_of_other_chips_and_of_old_drivers_are_read) {
    EXPECT_EQ(load("NPU load:  7%\n")->cards[0].npu, 7U);
    EXPECT_EQ(load("NPU0: 100%, NPU1: 0%\n")->cards[0].npu, 50U);
    EXPECT_EQ(load("NPU0: 100%, NPU1: 0%\n")->cards[0].npu_most, 100U);
    EXPECT_EQ(load("7@300000000Hz\n")->cards[0].npu, 7U);
    EXPECT_EQ(load("NPU load:  Core0: 2%,\n7@300000000Hz\nRKNPU driver: v0.9.8\n")->cards[0].npu, 2U);
    EXPECT_EQ(load("RKNPU driver: v0.9.8\nNPU load:  7%\n")->driver, "v0.9.8");
}

TEST(rknpu_load, what_is_no_load_is_no_answer) {
    EXPECT_FALSE(load(""));
    EXPECT_FALSE(load("cat: /sys/kernel/debug/rknpu/load: Permission denied\n"));
    EXPECT_FALSE(load("NPU load:\n"));
    EXPECT_FALSE(load("NPU load:  Core0: 152%\n"));
    EXPECT_FALSE(load("101@300000000Hz\n"));
    EXPECT_FALSE(load("MemTotal: 100 kB\nMemAvailable: 50 kB\n"));
}

TEST(board_files, memory_of_the_host_and_the_hottest_zone_stand_beside_the_load) {
    const auto report = files(
        "NPU load:  Core0: 52%, Core1:  0%, Core2:  0%,\n"
        "MemTotal:       16384000 kB\nMemFree:          100000 kB\nMemAvailable:   12288000 kB\n"
        "46230\n47154\n45307\n");
    ASSERT_TRUE(report);
    const card_figures& board = report->cards.at(0);
    EXPECT_EQ(board.index, 2U);
    EXPECT_EQ(board.npu, 18U);
    EXPECT_NEAR(board.temperature.value(), 47.154, 1e-9);
    EXPECT_EQ(board.memory.value().total, 16000U);
    EXPECT_EQ(board.memory.value().used, 4000U);
    EXPECT_FALSE(board.model_memory) << "no memory of a model is waited for on a board";
}

TEST(board_files, what_can_be_read_is_enough) {
    const auto report = files("MemTotal:       16384000 kB\nMemAvailable:   12288000 kB\n");
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->cards.at(0).npu);
    EXPECT_TRUE(report->cards.at(0).memory);
    EXPECT_FALSE(files("-1\n0\nnothing\n999999999\n"));
}

TEST(board_files, wherever_it_is_cut_nothing_is_made_up) {
    const std::string whole =
        "NPU load:  Core0: 52%, Core1:  0%, Core2:  0%,\nMemTotal: 16384000 kB\n47154\n";
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        const auto report = files(whole.substr(0, length));
        if (report) {
            EXPECT_LE(report->cards.at(0).npu.value_or(0), 52U) << length;
        }
    }
}

}  // namespace
}  // namespace corral::device
