#include <string>

#include <gtest/gtest.h>

#include "corral/device/report.hpp"

namespace corral::device {
namespace {

// docs/facts/other_runtimes.md#monitoring.
const std::string title =
    "+-------------------------------------------------------------------------------------------------------"
    "-+\n"
    "| npu-smi 23.0.0                                   Version: 23.0.0                                      "
    " |\n"
    "+-------------------------------+-----------------+-----------------------------------------------------"
    "-+\n"
    "| NPU     Name                  | Health          | Power(W)     Temp(C)           "
    "Hugepages-Usage(page) |\n"
    "| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                       "
    " |\n"
    "+===============================+=================+====================================================="
    "=+\n";
const std::string end =
    "+===============================+=================+====================================================="
    "=+\n";
const std::string board = title +
                          "| 0       310B4                 | Alarm           | 0.0          65               "
                          " 15    / 15            |\n"
                          "| 0       0                     | NA              | 0            3628 / 15609     "
                          "                       |\n" +
                          end;
const std::string card =
    title +
    "| 0     910B3               | OK            | 92.2        36                0    / 0             |\n"
    "| 0                         | 0000:C1:00.0  | 17          0    / 0          3314 / 65536         |\n"
    "| 1     910B3               | OK            | 90.1        38                0    / 0             |\n"
    "| 0                         | 0000:C2:00.0  | 0           0    / 0          59817/ 65536         |\n" +
    end;
const std::string processes =
    "+---------------------------+---------------+--------------------------+-------------------------+\n"
    "| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |\n"
    "+===========================+===============+==========================+=========================+\n"
    "| 0       0                 | 84643         | python3 -m vllm          | 3021                    |\n"
    "| No running processes found in NPU 1                                                            |\n"
    "+===========================+===============+==========================+=========================+\n";

std::optional<device_report> read(const std::string& text, unsigned asked = 0) {
    return find_report_format("npu-smi")->parse(text, asked);
}

TEST(npu_smi_table, a_board_shows_its_load_its_heat_and_its_alarm_and_shares_the_memory_of_its_host) {
    const auto report = read(board);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->driver, "23.0.0");
    ASSERT_EQ(report->cards.size(), 1U);
    const card_figures& one = report->cards[0];
    EXPECT_EQ(one.index, 0U);
    EXPECT_EQ(one.name, "310B4");
    EXPECT_EQ(one.health, "Alarm");
    EXPECT_FALSE(is_healthy(one));
    EXPECT_EQ(one.power, 0.0);
    EXPECT_EQ(one.temperature, 65.0);
    EXPECT_EQ(one.npu, 0U);
    EXPECT_FALSE(one.npu_most);
    ASSERT_TRUE(one.memory);
    EXPECT_EQ(one.memory->used, 3628U);
    EXPECT_EQ(one.memory->total, 15609U);
    EXPECT_FALSE(one.model_memory);
    EXPECT_FALSE(report->lists_processes);
    EXPECT_EQ(describe(one), "65 C, health Alarm");
}

TEST(npu_smi_table, of_a_card_the_memory_of_its_own_counts) {
    const auto report = read(card + processes);
    ASSERT_TRUE(report);
    ASSERT_EQ(report->cards.size(), 2U);
    EXPECT_EQ(report->cards[0].power, 92.2);
    EXPECT_EQ(report->cards[0].temperature, 36.0);
    EXPECT_EQ(report->cards[0].npu, 17U);
    EXPECT_EQ(report->cards[0].model_memory.value().used, 3314U);
    EXPECT_EQ(report->cards[0].model_memory.value().total, 65536U);
    EXPECT_TRUE(is_healthy(report->cards[0]));
    EXPECT_EQ(report->cards[1].index, 1U);
    EXPECT_EQ(report->cards[1].model_memory.value().used, 59817U);
    EXPECT_TRUE(report->lists_processes);
    ASSERT_EQ(report->processes.size(), 1U);
    EXPECT_EQ(report->processes[0].card, 0U);
    EXPECT_EQ(report->processes[0].pid, 84643);
    EXPECT_EQ(report->processes[0].name, "python3 -m vllm");
    EXPECT_EQ(report->processes[0].kib, 3021U * 1024U);
}

TEST(npu_smi_table, the_copy_of_the_cpu_report_with_one_line_for_a_chip_is_read) {
    const auto report = read(
        "# npu-smi info during inference\n"
        "+-------------------------------+-----------------+----------------------+\n"
        "| NPU     Name                  | Health          | AICore(%)    Memory-Usage(MB) |\n"
        "+===============================+=================+======================+\n"
        "| 0       310B4                 | Alarm           | 0            14762/ 15610    |\n"
        "+===============================+=================+======================+\n");
    ASSERT_TRUE(report);
    ASSERT_EQ(report->cards.size(), 1U);
    EXPECT_EQ(report->cards[0].name, "310B4");
    EXPECT_EQ(report->cards[0].npu, 0U);
    EXPECT_EQ(report->cards[0].memory.value().used, 14762U);
    EXPECT_FALSE(report->cards[0].temperature);
}

TEST(npu_smi_table, the_copy_of_the_speed_report_has_a_span_for_its_load) {
    const auto report = read(
        "+-------------------------------+-----------------+----------------------+\n"
        "| NPU     Name                  | Health          | Power     Temp(C)   |\n"
        "| Chip    Device                | AICore(%)       | Memory-Usage(MB)    |\n"
        "+===============================+=================+======================+\n"
        "| 0       310B4                 | Alarm           | 0.0       52        |\n"
        "| 0       0                     | 0-78            | 14407/15610         |\n"
        "+===============================+=================+======================+\n");
    ASSERT_TRUE(report);
    ASSERT_EQ(report->cards.size(), 1U);
    EXPECT_EQ(report->cards[0].npu, 39U);
    EXPECT_EQ(report->cards[0].npu_most, 78U);
    EXPECT_EQ(report->cards[0].temperature, 52.0);
    EXPECT_EQ(report->cards[0].memory.value().used, 14407U);
}

TEST(npu_smi_table, the_code_behind_the_alarm_is_taken_for_the_card_that_was_asked_about) {
    const std::string health =
        "        Health Status                  : Alarm\n"
        "        Error Code                     : 80E3A203\n"
        "        Error Information              : node type=SoC, sensor type=Chip Hardware\n";
    EXPECT_EQ(read(board + health)->cards[0].health_code, "80E3A203");
    EXPECT_EQ(describe(read(board + health)->cards[0]), "65 C, health Alarm (80E3A203)");
    const auto second = read(card + health, 1);
    EXPECT_EQ(second->cards[0].health_code, "");
    EXPECT_EQ(second->cards[1].health, "Alarm");
    EXPECT_EQ(read(card + "Health Status : OK\nError Code : NA\n")->cards[0].health_code, "");
}

TEST(npu_smi_table, a_tool_without_chips_is_an_answer_and_noise_is_none) {
    const auto none = read(title + end);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->cards.empty());
    EXPECT_FALSE(read(""));
    EXPECT_FALSE(read("dcmi module initialize failed. ret is -8005\n"));
    EXPECT_FALSE(read("\xff\xfe| npu-smi ||||"));
}

TEST(npu_smi_table, figures_that_can_not_be_are_absent) {
    const auto report = read(title +
                             "| 0       310B4 | OK | -3   100000   9 / 8 |\n"
                             "| 0       0     | NA | 101  99 / 98        |\n" +
                             end);
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->cards[0].power);
    EXPECT_FALSE(report->cards[0].temperature);
    EXPECT_FALSE(report->cards[0].npu);
    EXPECT_FALSE(report->cards[0].memory);
}

TEST(npu_smi_table, wherever_it_is_cut_what_is_there_holds) {
    const std::string whole = card + processes;
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        const auto report = read(whole.substr(0, length));
        if (!report) {
            continue;
        }
        for (const card_figures& one : report->cards) {
            EXPECT_LE(one.npu.value_or(0), 17U) << length;
            if (one.model_memory) {
                EXPECT_LE(one.model_memory->used, one.model_memory->total) << length;
            }
        }
    }
}

}  // namespace
}  // namespace corral::device
