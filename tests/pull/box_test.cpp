#include "corral/pull/box.hpp"

#include <elf.h>
#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"

namespace corral::pull {
namespace {

package::machine machine_of(std::uint16_t elf, bool board = false) {
    package::machine out;
    out.elf_machine = elf;
    out.is_board = board;
    return out;
}

TEST(box, is_told_by_what_the_kernel_shows) {
    const tests::temporary_folder root;
    root.write("proc/meminfo", "MemTotal:        8137212 kB\nMemFree: 1 kB\n");
    const box plain = look_at_box(machine_of(EM_X86_64), root.path());
    EXPECT_THAT(plain.kinds, testing::ElementsAre(box_kind::cpu));
    EXPECT_EQ(plain.host, "x86_64");
    EXPECT_EQ(plain.memory_mb, 7946U);
    EXPECT_EQ(describe(plain), "a CPU (x86_64) with 8 GB of memory");

    root.write("sys/bus/pci/devices/0000:01:00.0/vendor", "0x1f4b\n");
    root.write("sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086\n");
    const box pi = look_at_box(machine_of(EM_AARCH64), root.path());
    EXPECT_THAT(pi.kinds, testing::ElementsAre(box_kind::axcl, box_kind::cpu));
    EXPECT_EQ(describe(pi), "an AXCL card (aarch64) with 8 GB of memory");
    EXPECT_THAT(look_at_box(machine_of(EM_AARCH64, true), root.path()).kinds,
                testing::ElementsAre(box_kind::ax650, box_kind::axcl, box_kind::cpu));
}

TEST(box, knows_boards_with_an_npu_on_the_chip) {
    const tests::temporary_folder orange;
    orange.write("proc/device-tree/compatible", std::string("xunlong,orangepi-5\0rockchip,rk3588s\0", 36));
    EXPECT_THAT(look_at_box(machine_of(EM_AARCH64), orange.path()).kinds,
                testing::ElementsAre(box_kind::rk3588, box_kind::cpu));
    const tests::temporary_folder ascend;
    ascend.write("dev/davinci0", "");
    const box found = look_at_box(machine_of(EM_AARCH64), ascend.path());
    EXPECT_THAT(found.kinds, testing::ElementsAre(box_kind::ascend, box_kind::cpu));
    EXPECT_FALSE(found.memory_mb);
}

}  // namespace
}  // namespace corral::pull
