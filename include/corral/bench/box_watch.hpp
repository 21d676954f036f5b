#pragma once
// What the box did during a test, as it was looked at now and then: bounded, however long the test is.

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace corral::bench {

enum class figure { load, memory, temperature, power, cpu, resident };

struct figure_kind {
    const char* key;    // in JSON
    const char* title;  // in tables
    const char* unit;
    int decimals;
};
[[nodiscard]] const figure_kind& kind_of(figure what);

// One figure of one card or service.
class track {
public:
    static constexpr std::size_t most_points = 60;
    track(std::string of, figure what) : of_(std::move(of)), what_(what) {}

    // `at_s`: since the begin of the test. Of more looks than the curve holds, every second is left out of it.
    void add(double at_s, double value);
    [[nodiscard]] const std::string& of() const noexcept { return of_; }
    [[nodiscard]] figure what() const noexcept { return what_; }
    [[nodiscard]] std::size_t looks() const noexcept { return looks_; }
    [[nodiscard]] double mean() const noexcept {
        return looks_ == 0 ? 0 : sum_ / static_cast<double>(looks_);
    }
    [[nodiscard]] double least() const noexcept { return least_; }
    [[nodiscard]] double most() const noexcept { return most_; }
    [[nodiscard]] const std::vector<std::pair<double, double>>& curve() const noexcept { return curve_; }

    // As it was written: the figures of all looks, and the curve that is left of them.
    [[nodiscard]] static track restored(std::string of, figure what, std::size_t looks,
                                        std::array<double, 3> mean_least_most,
                                        std::vector<std::pair<double, double>> curve);
    // Of the same figure in another test, which began `later_s` after this one's.
    void take_in(const track& other, double later_s);

private:
    void keep(double at_s, double value);
    std::string of_;
    figure what_;
    std::size_t looks_ = 0;
    std::size_t stride_ = 1;  // one look of so many is in the curve
    std::size_t skipped_ = 0;
    double sum_ = 0;
    double least_ = 0;
    double most_ = 0;
    std::vector<std::pair<double, double>> curve_;
};

struct box_watch {
    static constexpr std::size_t most_tracks = 64;
    std::vector<track> tracks;        // in the order of the figures
    std::vector<std::string> health;  // "card 0: Alarm", each once; nothing: all was well, or not known

    // Beyond the bound nothing is added.
    void add(const std::string& of, figure what, double at_s, double value);
    void add_health(const std::string& word);
    [[nodiscard]] bool empty() const noexcept { return tracks.empty() && health.empty(); }
    // Of another test, which began `later_s` after this one.
    void take_in(const track& other, double later_s);
    // Of several cards or services the one with the greatest mean; nullptr where none was looked at.
    [[nodiscard]] const track* busiest(figure what) const;

private:
    [[nodiscard]] track* place_of(const std::string& of, figure what);
};

}  // namespace corral::bench
