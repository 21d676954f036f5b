#pragma once
// The machine that a package is looked at for. Injected, so that a test can ask how things stand on a
// Raspberry Pi with a card while it runs on something else.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace corral::package {

struct machine {
    std::uint16_t elf_machine = 0;  // e_machine of programs that run here: 183 aarch64, 62 x86-64
    // e_machine of others whose programs run here too, by an emulator in binfmt_misc.
    std::vector<std::uint16_t> emulated;
    bool is_board = false;             // the accelerator's own board (AX650), not a host of a card
    std::filesystem::path root = "/";  // libraries and loader configuration are found below it
    // Top-level Python modules that `python` can't find, of those named; nothing: that could not be asked.
    // Runs the interpreter, never a package's content. Empty function: modules are not asked for.
    std::function<std::optional<std::vector<std::string>>(const std::string& python,
                                                          const std::vector<std::string>& modules)>
        missing_modules;

    [[nodiscard]] bool emulates(std::uint16_t machine) const {
        return std::ranges::find(emulated, machine) != emulated.end();
    }
};

// This one, as it is now. Reads /proc only; `missing_modules` runs "python3 -I" with a deadline of 20 s and
// blocks meanwhile.
[[nodiscard]] machine this_machine();

}  // namespace corral::package
