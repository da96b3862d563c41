//! Reads what `valgrind --tool=callgrind` writes: how many instructions were executed, function by
//! function. <https://valgrind.org/docs/manual/cl-format.html>

use std::collections::HashMap;

/// Instructions of one run of a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Instructions {
    pub total: u64,
    /// Of that, hashing. Valgrind shows a processor without instructions for SHA-256, so it is
    /// done in software, which costs many times what it does outside.
    pub hashing: u64,
}

impl Instructions {
    /// Of the text of a profile that counts instructions only, by line.
    pub fn parse(text: &str) -> Instructions {
        let mut instructions = Instructions::default();
        let mut names: HashMap<&str, bool> = HashMap::new();
        let mut is_hashing = false;
        let mut is_call = false;
        for line in text.lines() {
            if let Some(function) = line.strip_prefix("fn=") {
                // A name is told once, behind its number, and is a number alone from then on.
                let (number, name) = function.split_once(' ').unwrap_or((function, ""));
                is_hashing = match name {
                    "" => names.get(number).copied().unwrap_or_default(),
                    name => {
                        names.insert(number, is_hash(name));
                        is_hash(name)
                    }
                };
            } else if let Some(called) = line.strip_prefix("cfn=") {
                if let Some((number, name)) = called.split_once(' ') {
                    names.insert(number, is_hash(name));
                }
            } else if line.starts_with("calls=") {
                // The next line says what the call cost, which is the called function's.
                is_call = true;
            } else if line
                .starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
            {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or(0);
                if !is_call {
                    instructions.total += cost;
                    instructions.hashing += if is_hashing { cost } else { 0 };
                }
                is_call = false;
            }
        }
        instructions
    }

    pub fn without_hashing(self) -> u64 {
        self.total - self.hashing
    }
}

/// The block function of SHA-256, by whatever path it is called.
fn is_hash(name: &str) -> bool {
    name.contains("sha2") && name.contains("compress")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_count_for_the_function_they_stand_under_and_calls_for_the_called_one() {
        let text = "version: 1\nevents: Ir\n\n\
            fl=(1) main.rs\n\
            fn=(1) posthaste::main\n\
            16 400\n\
            cfi=(2)\n\
            cfn=(2) sha2::sha256::soft::compress\n\
            calls=1 50\n\
            16 700\n\
            +2 30\n\
            \n\
            fn=(2)\n\
            50 600\n\
            * 100\n\
            fn=(3) zstd::compress\n\
            -9 5\n\
            fn=(1)\n\
            20 1\n\
            totals: 1136\n";
        let instructions = Instructions::parse(text);
        assert_eq!(instructions, Instructions { total: 1_136, hashing: 700 });
        assert_eq!(instructions.without_hashing(), 436);
    }
}
