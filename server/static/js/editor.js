import{b as l,d as c,e as i}from"./shared-KQIUIM7K.js";var a=l("[data-editor]"),t=l("textarea",a),u=l(".gutter",a),p=new Set(i(a,"wrong").split(",").filter(Boolean).map(Number)),d=0;function s(){let e=t.value.split(`
`).length;e!==d&&(d=e,u.replaceChildren(...Array.from({length:e},(n,r)=>{let o=document.createElement("span");return o.textContent=String(r+1),o.classList.toggle("wrong",p.has(r+1)),o}))),u.scrollTop=t.scrollTop}function m(e){let n=t.value.split(`
`).slice(0,e-1),r=n.join(`
`).length+(n.length?1:0),o=t.value.indexOf(`
`,r),g=parseFloat(getComputedStyle(t).lineHeight);t.focus({preventScroll:!0}),t.setSelectionRange(r,o<0?t.value.length:o),t.scrollTop=Math.max(0,(e-1)*g-t.clientHeight/3),a.scrollIntoView({block:"nearest"})}t.addEventListener("input",s);t.addEventListener("scroll",s);document.addEventListener("click",e=>{let n=c(e,"a[data-line]");n&&(e.preventDefault(),m(Number(n.dataset.line)))});s();
