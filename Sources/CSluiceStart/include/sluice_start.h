#pragma once

// What happens before the libraries of the program begin. Linked into the program and called by nothing.
