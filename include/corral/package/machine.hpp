#pragma once
// The machine that a package is looked at for, and what its Python can find.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace corral::package {

// Asks a Python which modules it can find. It is started in isolation, in the root folder, and looks for
// specifications only; nothing is imported, so nothing of a package runs.

// Those of `modules` that are not there; nothing when `python` gives no answer in time. Names that Python
// could not have are not asked for and not reported. `python` is a path or a word of PATH. Blocks.
[[nodiscard]] std::optional<std::vector<std::string>> ask_for_modules(const std::string& python,
                                                                      const std::vector<std::string>& modules,
                                                                      std::chrono::milliseconds patience);

// The machine that a package is looked at for. Injected, so that a test can ask how things stand on a
// Raspberry Pi with a card while it runs on something else.
struct machine {
    std::uint16_t elf_machine = 0;  // e_machine of programs that run here: 183 aarch64, 62 x86-64
    // e_machine of others whose programs run here too, by an emulator in binfmt_misc.
    std::vector<std::uint16_t> emulated;
    bool is_board = false;  // the accelerator's own board (AX650), not a host of a card
    // Libraries and loader configuration are found below it; empty: they are not known, nor looked for.
    std::filesystem::path root = "/";
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

// Another one, of which nothing is known but what its programs are built for: "aarch64" or "x86_64", or "ax650" for the
// accelerator's own board. REQUIRES: a word of other_machines().
[[nodiscard]] machine other_machine(std::string_view word);
[[nodiscard]] std::span<const std::string_view> other_machines();

}  // namespace corral::package
