#pragma once
// Folders like those that vendors ship, for tests: whole at first, then broken in one way.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace corral::tests {

// A file of `size` bytes that takes two pages of disk: it begins with `head` and ends in a byte that is
// there, as a file that was downloaded whole does.
inline void write_large(const std::filesystem::path& file, std::uint64_t size,
                        const std::string& head = "\x08\x01\x12\x05model\x90") {
    std::filesystem::create_directories(file.parent_path());
    std::fstream out(file, std::ios::binary | std::ios::out | std::ios::trunc);
    out << head;
    if (size > head.size()) {
        out.seekp(static_cast<std::streamoff>(size - 1));
        out.put('\x7E');
    }
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + file.string());
    }
}

inline void write_text(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + file.string());
    }
}

// What git leaves in the place of a file of `size` bytes where git-LFS was not at work.
inline std::string lfs_pointer_text(std::uint64_t size) {
    return "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize " +
           std::to_string(size) + "\n";
}

}  // namespace corral::tests
