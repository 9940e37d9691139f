#pragma once

namespace train_text {

/// From now on the first Ctrl-C (SIGINT) or SIGTERM only raises a flag; a second one ends the program at once.
void catch_interrupts();

/// Number of the signal that came, 0 for none.
int interrupted() noexcept;

}  // namespace train_text
