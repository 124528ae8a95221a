import{b as e}from"./shared-KQIUIM7K.js";var n=location.hash.slice(1);n&&(e("input[name=code]").value=n,history.replaceState(null,"",location.pathname),e("input[name=username]").focus());
