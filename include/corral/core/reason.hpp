#pragma once
// What the product says of a failure or a state, as data: a wording of the tables (core/messages), the values of its places,
// and what led to it. It is rendered as it is made; programs compare its id and never read its text.

#include <concepts>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/message.hpp"

namespace corral::core {

// A value; copies share what they hold.
class reason {
public:
    reason() noexcept = default;
    // Words of no table: a vendor's line, a profile's, the system's, one for developers. They have no id.
    [[nodiscard]] static reason unlisted(std::string words);
    // REQUIRES: as many values as the wording has places; say() sees to that at compile time.
    reason(wording says, std::vector<reason> values);

    // The same, led to by `cause` and what led to that; behind the causes it has.
    [[nodiscard]] reason led_to_by(reason cause) const;

    // With all that led to it, as one text of sentences.
    [[nodiscard]] const std::string& text() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return text().empty(); }
    // nullptr: words of no table.
    [[nodiscard]] const message* entry() const noexcept;
    // "": words of no table.
    [[nodiscard]] std::string_view id() const noexcept;
    // The id with the key of its wording, as say() has it: "runtime.hung/not-idle". "": words of no table.
    [[nodiscard]] std::string name() const;
    // The first of it and its values that a failure has its name by; without such: one without an outcome.
    [[nodiscard]] wording outcome() const noexcept;
    // Of it, of its values and of what led to it, in order, each once.
    [[nodiscard]] std::vector<std::string_view> ids() const;
    // Its own words, then those of what led to it: {"loading again", "ended by itself", "killed by SIGSEGV"}.
    [[nodiscard]] std::vector<std::string> causes() const;
    [[nodiscard]] const std::vector<reason>& led_to() const noexcept;
    // `other` is it, or led to it.
    [[nodiscard]] bool includes(const reason& other) const;
    // What holds of "it", or a clause, or something else.
    enum class grammar { predicate, clause, other };
    [[nodiscard]] grammar form() const noexcept;

    operator const std::string&() const noexcept { return text(); }
    operator std::string_view() const noexcept { return text(); }

    friend bool operator==(const reason& a, const reason& b) noexcept {
        return a.body_ == b.body_ || a.text() == b.text();
    }
    template <std::convertible_to<std::string_view> Text>
    friend bool operator==(const reason& a, const Text& b) {
        return std::string_view(a.text()) == std::string_view(b);
    }
    template <std::convertible_to<std::string_view> Text>
    friend std::string operator+(const reason& a, const Text& b) {
        return a.text() + std::string(std::string_view(b));
    }
    template <std::convertible_to<std::string_view> Text>
    requires(!std::same_as<Text, reason>) friend std::string operator+(const Text& a, const reason& b) {
        return std::string(std::string_view(a)) + b.text();
    }
    friend std::ostream& operator<<(std::ostream& out, const reason& what);

private:
    struct body;
    explicit reason(std::shared_ptr<const body> given) : body_(std::move(given)) {}
    [[nodiscard]] std::string_view joint_to(std::string_view said, const reason& cause) const;

    std::shared_ptr<const body> body_;  // nullptr: empty
};

}  // namespace corral::core
