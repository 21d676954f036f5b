#include "corral/device/report.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace corral::device {
namespace {

// As published (docs/facts/vendor_ax.md#axcl-smi-table).
const std::string title =
    "+------------------------------------------------------------------------------------------------+\n"
    "| AXCL-SMI  V3.4.0_20250423020139                                  Driver  V3.4.0_20250423020139 |\n"
    "+-----------------------------------------+--------------+---------------------------------------+\n"
    "| Card  Name                     Firmware | Bus-Id       |                          Memory-Usage |\n"
    "| Fan   Temp                Pwr:Usage/Cap | CPU      NPU |                             CMM-Usage |\n"
    "|=========================================+==============+=======================================|\n";
const std::string one_card =
    "|    0  AX650N                     V3.4.0 | 0000:01:00.0 |                193 MiB /      945 MiB |\n"
    "|   --   37C                      -- / -- | 2%        0% |               6348 MiB /     7040 MiB |\n"
    "+-----------------------------------------+--------------+---------------------------------------+\n";
const std::string processes =
    "\n"
    "+------------------------------------------------------------------------------------------------+\n"
    "| Processes:                                                                                     |\n"
    "| Card      PID  Process Name                                                   NPU Memory Usage |\n"
    "|================================================================================================|\n";
const std::string one_process =
    "|    0    84643  /home/axera/samples/qwen3-4b/main_axcl_aarch64                      4894032 KiB |\n";
const std::string end =
    "+------------------------------------------------------------------------------------------------+\n";
const std::string published = title + one_card + processes + one_process + end;

std::optional<device_report> table(const std::string& text) {
    return find_report_format("axcl-smi")->parse(text, 0);
}

TEST(axcl_smi_table, every_figure_of_the_published_table_is_read) {
    const auto read = table(published);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->cards.size(), 1U);
    const card_figures& card = read->cards[0];
    EXPECT_EQ(card.index, 0U);
    EXPECT_EQ(card.name, "AX650N");
    EXPECT_EQ(card.firmware, "V3.4.0");
    EXPECT_EQ(card.temperature, 37.0);
    EXPECT_EQ(card.cpu, 2U);
    EXPECT_EQ(card.npu, 0U);
    EXPECT_EQ(card.memory.value().used, 193U);
    EXPECT_EQ(card.memory.value().total, 945U);
    EXPECT_EQ(card.model_memory.value().used, 6348U);
    EXPECT_EQ(card.model_memory.value().free(), 692U);
    ASSERT_EQ(read->processes.size(), 1U);
    EXPECT_TRUE(read->lists_processes);
    EXPECT_EQ(read->processes[0].pid, 84643);
    EXPECT_EQ(read->processes[0].name, "/home/axera/samples/qwen3-4b/main_axcl_aarch64");
    EXPECT_EQ(read->processes[0].kib, 4894032U);
    EXPECT_EQ(describe(card), "37 C, 6348 of 7040 MB in use");
}

TEST(axcl_smi_table, a_copy_that_lost_its_columns_says_the_same) {
    std::string squeezed;
    for (std::size_t i = 0; i < published.size(); ++i) {
        const bool again = i > 0 && published[i] == ' ' && published[i - 1] == ' ';
        squeezed += again ? "" : std::string(1, published[i]);
    }
    const auto read = table(squeezed);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->cards.at(0).model_memory.value().used, 6348U);
    EXPECT_EQ(read->cards.at(0).temperature, 37.0);
    EXPECT_EQ(read->processes.at(0).kib, 4894032U);

    std::string windows;
    for (const char c : published) {
        windows += c == '\n' ? "\r\n" : std::string(1, c);
    }
    EXPECT_EQ(table(windows)->cards.at(0).model_memory.value().total, 7040U);
}

TEST(axcl_smi_table, several_cards_and_processes_with_blanks_in_their_names) {
    const std::string second =
        "|    1  AX8850                     V3.6.2 | 0001:81:00.0 |                148 MiB /      945 MiB |\n"
        "|   --   -3C                      -- / -- | 1%       99% |                 18 MiB /     2944 MiB "
        "|\n";
    const std::string spaced = "|    1       77  /opt/my models/main api                       12 KiB |\n";
    const auto read = table(title + one_card + second + processes + one_process + spaced + end);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->cards.size(), 2U);
    const card_figures* const card = find_card(*read, 1);
    ASSERT_NE(card, nullptr);
    EXPECT_EQ(card->name, "AX8850");
    EXPECT_EQ(card->temperature, -3.0);
    EXPECT_EQ(card->npu, 99U);
    EXPECT_EQ(card->model_memory.value().total, 2944U);
    EXPECT_EQ(read->processes.at(1).name, "/opt/my models/main api");
    EXPECT_EQ(find_card(*read, 2), nullptr);
}

TEST(axcl_smi_table, no_card_is_believed_only_of_a_whole_table) {
    const auto none = table(title + processes + end);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->cards.empty());
    EXPECT_FALSE(table(title));
    EXPECT_FALSE(table(processes + end));
    EXPECT_FALSE(table(""));
    EXPECT_FALSE(table("sh: 1: /usr/bin/axcl/axcl-smi: not found\n"));
}

TEST(axcl_smi_table, a_table_that_was_cut_off_never_makes_figures_up) {
    for (std::size_t length = 0; length < published.size(); ++length) {
        const auto read = table(published.substr(0, length));
        if (!read) {
            continue;
        }
        ASSERT_EQ(read->cards.size(), 1U) << "length " << length;
        const auto& card = read->cards[0];
        EXPECT_EQ(card.index, 0U);
        if (card.model_memory) {
            EXPECT_EQ(card.model_memory->used, 6348U);
            EXPECT_EQ(card.model_memory->total, 7040U) << "length " << length;
        }
        for (const auto& process : read->processes) {
            EXPECT_EQ(process.kib, 4894032U);
        }
    }
}

TEST(axcl_smi_table, what_can_not_be_is_not_believed) {
    std::string text = published;
    text.replace(text.find("6348 MiB"), 8, "9348 MiB");
    EXPECT_FALSE(table(text)->cards.at(0).model_memory) << "more used than there is";
    text = published;
    text.replace(text.find("84643"), 5, "-4643");
    EXPECT_TRUE(table(text)->processes.empty());
    text = published;
    text.replace(text.find("4894032"), 7, "99999999999999999999999");
    EXPECT_TRUE(table(text)->processes.empty());
}

TEST(axcl_smi_table, hostile_bytes_stay_harmless) {
    std::string text = published;
    text.replace(text.find("AX650N"), 6, "A\x1b[2J\xff");
    const auto read = table(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->cards.at(0).name.find('\x1b'), std::string::npos);

    std::mt19937_64 random(11);
    for (int round = 0; round < 3000; ++round) {
        std::string mangled = published;
        for (std::uint64_t i = random() % 12; i-- > 0;) {
            mangled[random() % mangled.size()] = static_cast<char>(random());
        }
        for (const report_format& format : report_formats()) {
            const auto any = format.parse(mangled, 0);
            if (any) {
                EXPECT_LE(any->cards.size(), 64U);
            }
        }
    }
    std::string endless = title;
    for (int i = 0; i < 20'000; ++i) {
        endless += one_card + "| 1 | | |\n" + processes + one_process;
    }
    EXPECT_LE(table(endless)->processes.size(), 512U);
}

TEST(axcl_smi_cmm, the_published_answer_is_read_whatever_the_device_id) {
    const auto read = find_report_format("axcl-smi-cmm")
                          ->parse(
                              "Device ID           : 129 (0x81)\n"
                              "CMM Total           :  3145728 KiB\n"
                              "CMM Used            :    18876 KiB\n"
                              "CMM Remain          :  3126852 kiB\n",
                              2);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->cards.size(), 1U);
    EXPECT_EQ(read->cards[0].index, 2U) << "the bus number is no index";
    EXPECT_EQ(read->cards[0].model_memory.value().total, 3072U);
    EXPECT_EQ(read->cards[0].model_memory.value().used, 18U);
    EXPECT_FALSE(read->lists_processes);
}

TEST(axcl_smi_cmm, blocks_count_up_and_half_of_one_counts_for_nothing) {
    const std::string block = "Device ID : 1 (0x1)\nCMM Total : 2048 KiB\nCMM Used : 1024 KiB\n";
    const auto* const format = find_report_format("axcl-smi-cmm");
    EXPECT_EQ(format->parse(block + block, 0)->cards.at(1).index, 1U);
    EXPECT_FALSE(format->parse("Device ID : 1 (0x1)\nCMM Total : 2048 KiB\n", 0));
    EXPECT_FALSE(format->parse("CMM Total : 2048 KiB\nCMM Used : 4096 KiB\n", 0));
}

TEST(mem_cmm_info, the_summary_line_is_found_among_others) {
    const auto* const format = find_report_format("mem-cmm-info");
    const std::string line =
        " total size=3145728KB(3072MB),used=18876KB(18MB + 444KB),remain=3126852KB(3053MB + 580KB),"
        "partition_number=1,block_number=23\n";
    const auto read = format->parse("+---PARTITION: Phys(0x1, 0x2)\n---CMM_USE_INFO:\n" + line, 0);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->cards.at(0).model_memory.value().used, 18U);
    EXPECT_EQ(read->cards.at(0).model_memory.value().total, 3072U);
    EXPECT_FALSE(format->parse(line.substr(0, 40), 0));
    EXPECT_FALSE(format->parse("total size=KB,used=KB", 0));
}

}  // namespace
}  // namespace corral::device
