#pragma once
// Notices that files have changed, by what the file system tells of them.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace corral::core {

class file_watch {
public:
    // What is there now counts as known. Links are followed.
    explicit file_watch(std::vector<std::filesystem::path> files);
    // True when one changed, came or went since the last call; asks for a few facts, reads nothing.
    [[nodiscard]] bool changed();

private:
    struct facts {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = -1;
        std::int64_t modified = 0;  // ns
        bool operator==(const facts&) const = default;
    };
    [[nodiscard]] static facts look(const std::filesystem::path& file);
    [[nodiscard]] std::vector<facts> look_at_all() const;

    std::vector<std::filesystem::path> files_;
    std::vector<facts> known_;
};

}  // namespace corral::core
